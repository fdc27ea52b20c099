package orchestrator

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// vault is the secrets of one app, by name.
type vault struct {
	mu sync.Mutex
	m  map[string]string
}

func (v *vault) Value(_ context.Context, _, name string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch value, ok := v.m[name]; {
	case name == "BROKEN":
		return "", errors.New("the disk is on fire")
	case ok:
		return value, nil
	}
	return "", picloud.NotFound("secret", name)
}

// set gives the secrets other values, which is a change of what is live.
func (v *vault) set(n *node, m map[string]string) {
	n.t.Helper()
	v.mu.Lock()
	v.m = maps.Clone(m)
	v.mu.Unlock()
	if err := n.reload(n.t.Context(), 0); err != nil {
		n.t.Fatal(err)
	}
}

func hexSum(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// github is the headers of a delivery of GitHub.
func github(secret, body, id string) []string {
	return []string{"X-Hub-Signature-256: sha256=" + hexSum(secret, body), "X-GitHub-Delivery: " + id}
}

func hooked(t *testing.T, edits ...func(*Config)) (*node, *vault) {
	v := &vault{m: map[string]string{"S": "secret"}}
	return startNode(t, nil, append(edits, func(c *Config) { c.Secrets = v })...), v
}

const countsHooks = `fn handle(req) {
	if req.headers["x-fail"] != () { throw #{status: 500, message: "no"}; }
	let n = (kv::get("n") ?? 0) + 1;
	kv::set("n", n);
	n
}`

func TestWebhookIsCheckedBeforeTheScript(t *testing.T) {
	t.Parallel()
	n, v := hooked(t)
	n.deploy("hook", countsHooks, "POST /hook webhook=github:S,NEW")
	n.do("POST", "/hook", "{}", github("secret", "{}", "1")...).want(t, "signed", 200, "")
	n.do("POST", "/hook", "{}").want(t, "not signed", 401, "webhook_signature")
	a := n.do("POST", "/hook", "{} ", github("secret", "{}", "2")...)
	a.want(t, "another body", 401, "webhook_signature")
	if a.header.Get("Www-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	n.do("POST", "/hook", "{}", github("old", "{}", "2")...).want(t, "another secret", 401, "webhook_signature")
	v.set(n, map[string]string{"NEW": "new"})
	n.do("POST", "/hook", "{}", github("new", "{}", "3")...).want(t, "the secret's successor", 200, "")
	n.do("POST", "/hook", "{}", github("secret", "{}", "4")...).want(t, "the secret that is gone", 401, "webhook_signature")
	v.set(n, nil)
	n.do("POST", "/hook", "{}", github("new", "{}", "5")...).want(t, "no secret", 503, "unavailable")
	n.do("POST", "/hook", "{}").want(t, "not signed, and no secret", 401, "webhook_signature")

	got := map[string]int{}
	for _, r := range n.records() {
		code := ""
		if r.Error != nil {
			code = string(r.Error.Code) + " " + r.Error.Message
		}
		got[fmt.Sprint(r.HTTPStatus, " ", r.Status, " ", code)]++
	}
	want := map[string]int{
		"200 ok ": 2,
		"401 error webhook_signature the header x-hub-signature-256 is missing": 2,
		"401 error webhook_signature the signature is wrong":                    3,
		"503 error unavailable there is no such secret, or it is empty: S":      1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestWebhookWithoutSecretsOfItsNode(t *testing.T) {
	t.Parallel()
	n := startNode(t, echo)
	n.deploy("hook", "1", "POST /hook webhook=github:S", "POST /broken webhook=github:BROKEN")
	n.do("POST", "/hook", "{}", github("secret", "{}", "1")...).want(t, "no secrets at all", 503, "unavailable")
	n, _ = hooked(t)
	n.deploy("hook", "1", "POST /broken webhook=github:BROKEN")
	a := n.do("POST", "/broken", "{}", github("secret", "{}", "1")...)
	a.want(t, "secrets that cannot be read", 503, "unavailable")
	if strings.Contains(a.body, "fire") || strings.Contains(a.body, "BROKEN") {
		t.Errorf("the sender is told %s", a.body)
	}
}

// TestWebhookIsTakenOnce has deliveries come again: after success, after a
// failure, and all at once.
func TestWebhookIsTakenOnce(t *testing.T) {
	t.Parallel()
	n, _ := hooked(t)
	n.deploy("hook", countsHooks, "POST /hook webhook=github:S", "POST /other webhook=github:S")
	n.deploy("quiet", "7", "POST /quiet webhook=github:S")
	send := func(path, id string, more ...string) answer {
		return n.do("POST", path, "{}", append(github("secret", "{}", id), more...)...)
	}
	again := func(path, id string) {
		t.Helper()
		if a := send(path, id); a.status != 200 || a.header.Get("PiCloud-Duplicate") != "true" || a.body != `{"duplicate":true}` {
			t.Errorf("%s again: %d %s", id, a.status, a.body)
		}
	}
	send("/hook", "a", "X-Fail: 1").want(t, "fails", 500, "thrown")
	if a := send("/hook", "a"); a.body != "1" {
		t.Errorf("tried again after a failure: %d %s", a.status, a.body)
	}
	again("/hook", "a")
	again("/hook", "a")
	if a := send("/other", "a"); a.body != "2" {
		t.Errorf("the same to another route: %d %s", a.status, a.body)
	}
	if a := send("/quiet", "a"); a.body != "7" || a.header.Get("PiCloud-Duplicate") != "" {
		t.Errorf("to a script that writes nothing: %d %s", a.status, a.body)
	}
	again("/quiet", "a")

	var wg sync.WaitGroup
	ran := make(chan string, 8)
	for range cap(ran) {
		wg.Go(func() {
			if a := send("/hook", "b"); a.header.Get("PiCloud-Duplicate") == "" {
				ran <- a.body
			}
		})
	}
	wg.Wait()
	if close(ran); len(ran) != 1 || <-ran != "3" {
		t.Errorf("of eight at once %d ran", len(ran)+1)
	}
	if a := send("/hook", "c"); a.body != "4" {
		t.Errorf("the next one: %d %s", a.status, a.body)
	}
}

// TestWebhookReplay sends what somebody has recorded, soon and later.
func TestWebhookReplay(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	n, _ := hooked(t, func(c *Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	n.deploy("hook", countsHooks, "POST /hook webhook=stripe:S")
	at := fmt.Sprint(now.Unix())
	good := hexSum("secret", at+".{}")
	if a := n.do("POST", "/hook", "{}", "Stripe-Signature: t="+at+",v1="+good); a.body != "1" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, header := range []string{"t=" + at + ",v1=" + good, "t=" + at + ",v1=" + strings.ToUpper(good), "v1=00,v1=" + good + ",t=" + at} {
		if a := n.do("POST", "/hook", "{}", "Stripe-Signature: "+header); a.header.Get("PiCloud-Duplicate") == "" {
			t.Errorf("%s ran again: %d %s", header, a.status, a.body)
		}
	}
	mu.Lock()
	now = now.Add(picloud.DefaultWebhookTolerance + 2*time.Second)
	mu.Unlock()
	n.do("POST", "/hook", "{}", "Stripe-Signature: t="+at+",v1="+good).want(t, "later", 401, "webhook_stale")
}

// TestRefusalsDoNotFillTheHistory has a stranger try for two minutes.
func TestRefusalsDoNotFillTheHistory(t *testing.T) {
	t.Parallel()
	var r refusals
	now := time.Unix(1e9, 0)
	kept, more := 0, 0
	for range 120 {
		for range 10 {
			if m, ok := r.admit(now); ok {
				kept++
				more += m
			}
		}
		now = now.Add(time.Second)
	}
	if kept != 2*refusalsKept || more != 600-refusalsKept {
		t.Errorf("%d records that tell of %d more", kept, more)
	}
}
