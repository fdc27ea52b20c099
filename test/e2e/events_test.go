package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// queue is a line of picloud events -o json.
type queue struct {
	Script, Source, State string
	Count                 int
}

// queues counts the events that there are.
func (u *user) queues() (list []queue) {
	u.t.Helper()
	u.json(&list, "events")
	return list
}

// TestMessages deploys scripts that publish and subscribe, loses a message to
// a bad script, mends it, and has the message tried anew.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.write("shop/picloud.toml", `
[[scripts]]
file = "order.rhai"
routes = ["POST /orders"]

[[scripts]]
file = "bill.rhai"
routes = []
[[scripts.subscriptions]]
topic = "orders"
max_attempts = 2
retry_delay_ms = 10

[[scripts]]
file = "bills.rhai"
`)
	u.write("shop/order.rhai", `fn handle(req) { let o = req.json(); publish("orders", o, #{ key: o.customer }); response(202, #{ ok: true }) }`)
	u.write("shop/bill.rhai", `fn on_message(m) { if m.body.price < 0 { throw "a negative price" } kv::set("bills/" + m.body.id, m.body.price) }`)
	u.write("shop/bills.rhai", `let all = #{}; for e in kv::entries("bills/") { all[e.key] = e.value } all`)
	u.run("deploy", "shop")
	bills := func(want string) func() bool {
		return func() bool { return do(t, http.MethodGet, s.public+"/bills", "").body == want }
	}
	if a := do(t, http.MethodPost, s.public+"/orders", `{"id":"a","customer":"ada","price":7}`); a.status != 202 {
		t.Fatalf("POST /orders = %s", a)
	}
	testenv.Eventually(t, "the order is billed", bills(`{"bills/a":7}`))

	u.run("publish", "orders", `{"id":"b","customer":"ada","price":-1}`, "--key", "ada")
	testenv.Eventually(t, "the bad order is given up", func() bool {
		q := u.queues()
		return len(q) == 1 && q[0] == queue{"bill", "orders", "dead", 1}
	})
	var dead []struct{ ID, Error string }
	u.json(&dead, "events", "list", "--state", "dead")
	if len(dead) != 1 || !strings.Contains(dead[0].Error, "a negative price") {
		t.Fatalf("dead events %+v", dead)
	}
	if shown := u.run("events", "show", dead[0].ID); !strings.Contains(shown, `"price": -1`) {
		t.Errorf("the event is shown as\n%s", shown)
	}
	u.run("events", "redrive", dead[0].ID, "--body", `{"id":"b","customer":"ada","price":1}`)
	testenv.Eventually(t, "the mended order is billed", bills(`{"bills/a":7,"bills/b":1}`))
	if logs := u.run("logs", "bill"); !strings.Contains(logs, "a negative price") {
		t.Errorf("the log of the script does not tell why it failed:\n%s", logs)
	}

	// Bad input is told, and changes nothing.
	u.fails(failed, []string{"publish", "Orders!", "1"}, "topic")
	u.fails(failed, []string{"publish", "orders", "{"}, "not JSON")
	u.fails(failed, []string{"events", "redrive", "none"}, "no event")
	u.fails(misused, []string{"events", "redrive"}, "--all")
	u.edit("shop/picloud.toml", `topic = "orders"`, `topic = "no topic"`)
	u.fails(failed, []string{"deploy", "shop"}, "no topic")
	u.edit("shop/picloud.toml", `topic = "no topic"`, `topic = "orders"`)
	u.write("shop/bill.rhai", `fn on_mesage(m) { }`)
	u.fails(failed, []string{"deploy", "shop"}, "fn on_message")
	if q := u.queues(); len(q) != 0 {
		t.Errorf("events are left: %+v", q)
	}
}

// The accounts of the transfers between which money moves.
const (
	chaosAccounts = 8
	chaosBalance  = 1000
)

const transferScript = `
fn handle(req) {
    let t = req.json();
    if t.from != t.to {
        kv::set("account/" + t.from, kv::get("account/" + t.from) - t.amount);
        kv::set("account/" + t.to, kv::get("account/" + t.to) + t.amount);
    }
    publish("transfers", t.id);
    "done"
}`

const ledgerScript = `
fn on_message(m) {
    if kv::has("ledger/" + m.body) { throw "twice" }
    kv::set("ledger/" + m.body, m.attempt);
    kv::incr("entries");
}`

const openScript = `fn handle(req) { for i in 0..8 { kv::set("account/" + i, 1000) } () }`

const auditScript = `
fn handle(req) {
    let sum = 0;
    for e in kv::entries("account/") { sum += e.value }
    #{ sum: sum, entries: kv::get("entries", 0) }
}`

const ledgerPage = `fn handle(req) { kv::list("ledger/", #{ after: req.query.after ?? "" }) }`

// TestTransfersSurviveKills moves money between accounts, each transfer with a
// message, and kills the server again and again in the middle of it. The sum
// never changes, every acknowledged transfer has its entry, once, and the runs of
// a schedule that may not overlap do not.
// PICLOUD_CHAOS_KILLS says how often; make chaos does it 500 times.
func TestTransfersSurviveKills(t *testing.T) {
	t.Parallel()
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("PICLOUD_CHAOS_KILLS")); err == nil {
		kills = n
	}
	s := startServer(t)
	u := signIn(t, s)
	for name, source := range map[string]string{"transfer": transferScript, "open": openScript, "audit": auditScript, "page": ledgerPage} {
		u.deploy(name, source)
	}
	u.write("ledger/picloud.toml", "[[scripts]]\nfile = \"ledger.rhai\"\nroutes = []\nsubscriptions = [{ topic = \"transfers\", retry_delay_ms = 5 }]\n")
	u.write("ledger/ledger.rhai", ledgerScript)
	u.run("deploy", "ledger")
	u.startPulse()
	if a := do(t, http.MethodPost, s.public+"/open", ""); a.status != 204 {
		t.Fatalf("POST /open = %s", a)
	}

	acknowledged := map[string]bool{}
	for round := range kills {
		for _, id := range s.transferUntilKilled(round) {
			acknowledged[id] = true
		}
		s.start()
		audit(t, s)
	}
	u = signIn(t, s)
	u.checkPulse(s)
	testenv.Eventually(t, "every message is delivered", func() bool { return len(u.queues()) == 0 })
	entries := map[string]bool{}
	for after := ""; ; {
		var page []string
		do(t, http.MethodGet, s.public+"/page?after="+after, "").decode(t, &page)
		if len(page) == 0 {
			break
		}
		for _, key := range page {
			entries[strings.TrimPrefix(key, "ledger/")] = true
		}
		after = page[len(page)-1]
	}
	if n := audit(t, s); n != len(entries) {
		t.Errorf("the ledger counts %d entries and has %d", n, len(entries))
	}
	lost := 0
	for id := range acknowledged {
		if !entries[id] {
			lost++
		}
	}
	t.Logf("%d kills, %d transfers acknowledged, %d entries", kills, len(acknowledged), len(entries))
	if lost > 0 || len(acknowledged) == 0 {
		t.Errorf("%d of %d acknowledged transfers have no entry", lost, len(acknowledged))
	}
	s.stop()
}

// transferUntilKilled moves money at random until the server is killed, which
// is after some number of acknowledged transfers; it is their ids.
func (s *server) transferUntilKilled(round int) []string {
	var mu sync.Mutex
	var done []string
	var killed atomic.Bool
	enough := 20 + rand.IntN(60)
	reached := make(chan struct{})
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := 0; !killed.Load() && i < 10_000; i++ {
				id := fmt.Sprintf("%d-%d-%d", round, w, i)
				body, _ := json.Marshal(map[string]any{
					"id": id, "from": strconv.Itoa(rand.IntN(chaosAccounts)), "to": strconv.Itoa(rand.IntN(chaosAccounts)), "amount": rand.IntN(50),
				})
				a, err := try(http.MethodPost, s.public+"/transfer", string(body))
				if err != nil || a.status != 200 {
					continue
				}
				mu.Lock()
				if done = append(done, id); len(done) == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	<-reached
	s.Kill()
	killed.Store(true)
	workers.Wait()
	return done
}

// audit checks the sum of all accounts, and is the number of entries.
func audit(t *testing.T, s *server) int {
	t.Helper()
	var books struct{ Sum, Entries int }
	do(t, http.MethodGet, s.public+"/audit", "").decode(t, &books)
	if books.Sum != chaosAccounts*chaosBalance {
		t.Fatalf("the accounts hold %d, there were %d", books.Sum, chaosAccounts*chaosBalance)
	}
	return books.Entries
}
