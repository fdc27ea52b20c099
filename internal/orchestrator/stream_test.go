package orchestrator

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// listener is a client of server-sent events.
type listener struct {
	t      testing.TB
	resp   *http.Response
	lines  *bufio.Reader
	cancel context.CancelFunc
}

func (n *node) listenTo(target string, headers ...string) *listener {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.addr+target, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := client.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	l := &listener{n.t, resp, bufio.NewReader(resp.Body), cancel}
	n.t.Cleanup(l.close)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		n.t.Fatalf("%s: %d %v", target, resp.StatusCode, resp.Header)
	}
	l.want("", "", ": hello")
	return l
}

func (l *listener) close() {
	l.cancel()
	l.resp.Body.Close()
}

// next is the next event: its id, and its other lines; "" at the end.
func (l *listener) next() (id, rest string) {
	for {
		line, err := l.lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		switch {
		case err != nil, line == "":
			return id, strings.TrimSpace(rest)
		case strings.HasPrefix(line, "id: "):
			id = line[4:]
		default:
			rest += line + " "
		}
	}
}

// want fails the test unless the next event is that one; "*" is any id.
func (l *listener) want(what, wantID, want string) (id string) {
	l.t.Helper()
	id, rest := l.next()
	if rest != want || wantID != "*" && id != wantID {
		l.t.Fatalf("%s: event %q with id %q, want %q", what, rest, id, want)
	}
	return id
}

// stall is a client that reads nothing.
func (n *node) stall(target string) net.Conn {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		n.t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target)
	return conn
}

func (n *node) tell(topic string, key string, bodies ...string) {
	n.t.Helper()
	var list []picloud.Message
	for _, b := range bodies {
		list = append(list, picloud.Message{Topic: topic, Key: key, Kind: picloud.ValueJSON, Body: []byte(b)})
	}
	if _, err := n.Publish(n.t.Context(), picloud.DefaultApp, list); err != nil {
		n.t.Fatal(err)
	}
}

// following waits until so many follow topics of the default app.
func (n *node) following(want int) {
	n.t.Helper()
	testenv.Eventually(n.t, fmt.Sprint(want, " follow"), func() bool {
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		got := 0
		for _, f := range n.hub.feeds {
			got += f.users
		}
		return got == want
	})
}

var pricesStream = picloud.Settings{Streams: []string{"prices"}}

const livePrices = `fn handle(req) {
	let o = #{};
	if req.query.key != () { o.key = req.query.key; }
	if req.query.last != () { o.last = parse_int(req.query.last); }
	if req.query.after != () { o.after = req.query.after; }
	if req.query.event != () { o.event = req.query.event; }
	sse_topic(req.query.topic ?? "prices", o)
}`

func TestStreamOfTopic(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "live", livePrices, pricesStream)
	n.deploy("set", `fn handle(req) { publish("prices", #{price: 7}, #{key: "b"}); publish("prices", "later", #{delay: 3600}); publish("prices", "two\nlines"); throw_if(req) }
		fn throw_if(req) { if req.query.fail != () { throw "no"; } }`)
	n.tell("prices", "a", "1", "2", "3")
	one := n.listenTo("/live")
	two := n.listenTo("/live?key=b&event=price")
	three := n.listenTo("/live?last=2")
	three.want("before", "*", "data: 2")
	first := three.want("before", "*", "data: 3")
	n.do("GET", "/set?fail=1", "").want(t, "fails", 500, "script_error")
	n.do("GET", "/set", "").want(t, "publishes", 204, "")
	n.tell("prices", "", `{"price":8}`)
	id := ""
	for _, l := range []*listener{one, three} {
		id = l.want("published by a script", "*", `data: {"price":7}`)
		l.want("a text", "*", "data: two data: lines")
		l.want("published by others", "*", `data: {"price":8}`)
	}
	two.want("with a key and a name", id, `event: price data: {"price":7}`)
	for what, l := range map[string]*listener{
		"came back":        n.listenTo("/live", "Last-Event-ID: "+first),
		"says it in a URL": n.listenTo("/live?after=" + first),
		"both":             n.listenTo("/live?after="+id, "Last-Event-ID: "+first),
	} {
		l.want(what, id, `data: {"price":7}`)
		l.want(what, "*", "data: two data: lines")
	}
	if got := n.do("HEAD", "/live", ""); got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %d %v", got.status, got.header)
	}
	n.do("GET", "/live?topic=news", "").want(t, "no stream", 500, "bad_response")
	n.following(6)
	one.close()
	two.close()
	n.following(4)
	for _, r := range n.records() {
		if r.Script == "live" && r.Status == picloud.StatusOK && (r.Duration > 20*time.Second || r.HTTPStatus != 200) {
			t.Errorf("recorded %v, %d", r.Duration, r.HTTPStatus)
		}
	}
}

func TestFiniteServerSentEvents(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("list", `sse(["text", 7, #{data: #{a: 1}, event: "e", id: 5, retry: 1000}, #{data: "x\r\ny\rz", id: "i"}, [()]]).header("X-A", "b")`)
	n.deploy("bad", `fn handle(req) { switch req.query.q { "0" => sse([#{}]), "1" => sse([#{data: 1, kind: 2}]), "2" => sse([#{data: 1, id: "a\nb"}]), "3" => sse([#{data: 1, retry: 0}]),
		"4" => sse_topic("BAD"), "5" => sse_topic("a", #{last: 101}), "6" => sse_topic("a", #{after: "x"}), "7" => sse_topic("a", #{event: 1}), "8" => sse_topic("a", #{since: 1}) } }`)
	a := n.do("GET", "/list", "")
	want := "data: text\n\ndata: 7\n\nretry: 1000\nid: 5\nevent: e\ndata: {\"a\":1}\n\nid: i\ndata: x\ndata: y\ndata: z\n\ndata: [null]\n\n"
	if a.status != 200 || a.body != want || a.header.Get("X-A") != "b" || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v\n%s", a.status, a.header, a.body)
	}
	for q := range 9 {
		n.do("GET", fmt.Sprint("/bad?q=", q), "").want(t, fmt.Sprint(q), 500, "script_error")
	}
}

// TestStreamLosesNothing has clients come, read slowly and come back while
// messages are published from many sides. Each sees all of them, in the same
// order.
func TestStreamLosesNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "live", livePrices, pricesStream)
	const writers, each = 4, 100
	var readers, publishers sync.WaitGroup
	orders := make([][]string, 3)
	for i := range orders {
		l := n.listenTo("/live")
		readers.Go(func() {
			last := ""
			for len(orders[i]) < writers*each {
				id, data := l.next()
				if data == "" || strings.HasPrefix(data, ":") {
					t.Errorf("it ended with %q after %d", data, len(orders[i]))
					return
				}
				orders[i], last = append(orders[i], id+" "+data), id
				if len(orders[i])%(50+i) == 0 {
					l.close()
					l = n.listenTo("/live", "Last-Event-ID: "+last)
				}
			}
		})
	}
	for w := range writers {
		publishers.Go(func() {
			for i := range each {
				n.tell("prices", "", fmt.Sprint(w*each+i))
			}
		})
	}
	publishers.Wait()
	readers.Wait()
	for i, got := range orders {
		if !slices.Equal(got, orders[0]) || len(got) != writers*each {
			t.Errorf("reader %d saw %d messages, not what the first one saw", i, len(got))
		}
	}
}

// TestStreamThatMovedOn has somebody come back after what they missed is gone.
func TestStreamThatMovedOn(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "live", livePrices, pricesStream)
	n.tell("prices", "", "1", "2")
	l := n.listenTo("/live?last=2")
	first := l.want("first", "*", "data: 1")
	l.close()
	if _, err := n.store.SweepStreams(t.Context(), time.Now().Add(picloud.StreamMemory+time.Hour)); err != nil {
		t.Fatal(err)
	}
	n.tell("prices", "", "3")
	l = n.listenTo("/live", "Last-Event-ID: "+first)
	l.want("told", "", "event: missed data: {}")
	l.want("and goes on", "*", "data: 3")
}

// TestStreamEnds has streams end for every reason but the client's.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	w := newTown(t, nil, func(c *Config) { c.Heartbeat = 20 * time.Millisecond })
	n := w.node
	deploy := func(settings picloud.Settings) {
		n.deployAs("default", "live", livePrices, settings, "GET /live", "GET /mine auth=key")
	}
	deploy(pricesStream)
	bob := w.person("bob", picloud.RoleMember, picloud.AppViewer)
	token, key := w.key(bob, picloud.ScopeInvoke)
	open, mine := n.listenTo("/live"), n.listenTo("/mine", "Authorization: Bearer "+token)
	open.want("a heartbeat", "", ":")
	n.deploy("other", "1") // a change that has nothing to do with it
	mine.want("a heartbeat", "", ":")
	if err := w.store.DeleteKey(t.Context(), bob.ID, key.ID); err != nil {
		t.Fatal(err)
	}
	last := func(l *listener) (text string) {
		for {
			_, rest := l.next()
			if rest == "" {
				return text
			}
			text = rest
		}
	}
	if got := last(mine); !strings.HasPrefix(got, ": this is over") {
		t.Errorf("the key is revoked: %q", got)
	}
	n.following(1)
	deploy(picloud.Settings{})
	if got := last(open); !strings.HasPrefix(got, ": this is over") {
		t.Errorf("the topic is no stream any more: %q", got)
	}
	deploy(pricesStream)
	open = n.listenTo("/live")
	n.EndStreams()
	if got := last(open); !strings.HasPrefix(got, ": the server is stopping") {
		t.Errorf("the server stops: %q", got)
	}
	n.do("GET", "/live", "").want(t, "after that", 503, "overloaded")
}

func TestFollowersAreBounded(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(c *Config) { c.Followers = 2 })
	n.deployAs("default", "live", livePrices, pricesStream)
	one := n.listenTo("/live")
	n.listenTo("/live")
	a := n.do("GET", "/live", "")
	a.want(t, "one too many", 503, "overloaded")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	one.close()
	n.following(1)
	n.listenTo("/live")
}

// TestSlowFollowerHoldsNothing has a client read nothing while much is
// published: others get all of it, and memory stays where it is.
func TestSlowFollowerHoldsNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deployAs("default", "live", livePrices, pricesStream)
	n.stall("/live")
	fast := n.listenTo("/live")
	n.following(2)
	body := `"` + strings.Repeat("x", 100<<10) + `"`
	for i := range 100 {
		n.tell("prices", "", body)
		if _, data := fast.next(); len(data) < 100<<10 {
			t.Fatalf("message %d: %.100q", i, data)
		}
	}
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	for _, f := range n.hub.feeds {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.bytes > recentBytes+len(body) || len(f.recent) > recentMessages {
			t.Errorf("%d messages with %d bytes are in memory", len(f.recent), f.bytes)
		}
	}
}

// TestNobodyFollowsNothingHappens counts statements while nobody follows, and
// while somebody does and nothing is published.
func TestNobodyFollowsNothingHappens(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, func(c *Config) { c.Heartbeat = time.Millisecond })
	n.deployAs("default", "live", livePrices, pricesStream)
	l := n.listenTo("/live")
	for range 3 {
		l.want("beats", "", ":")
	}
	n.records()
	before := n.store.Statements()
	for range 100 {
		l.want("beats", "", ":")
	}
	if after := n.store.Statements(); after != before {
		t.Errorf("%d statements while nothing happened", after-before)
	}
	l.close()
	n.following(0)
	n.hub.work.Wait() // no goroutine is left
}

// TestStreamsReachAllNodes publishes on one node for a client of another, also
// over a time in which the database was away.
func TestStreamsReachAllNodes(t *testing.T) {
	t.Parallel()
	pg := testenv.StartPostgres(t)
	url := pg.Database(t)
	one, two := startMember(t, url, "one", nil), startMember(t, url, "two", nil)
	one.deployAs("default", "live", livePrices, pricesStream)
	testenv.Eventually(t, "the other node serves it", func() bool { return two.do("HEAD", "/live", "").status == 200 })
	here, there := one.listenTo("/live"), two.listenTo("/live")
	for i := range 50 {
		publisher := one
		if i%3 == 0 {
			publisher = two
		}
		publisher.tell("prices", "", fmt.Sprint(i))
	}
	last := ""
	for i := range 50 {
		last = here.want("on the node itself", "*", fmt.Sprint("data: ", i))
		there.want("on the other", last, fmt.Sprint("data: ", i))
	}
	pg.Stop()
	pg.Start(t)
	testenv.Eventually(t, "the database is back", func() bool {
		_, err := one.Publish(t.Context(), picloud.DefaultApp, []picloud.Message{{Topic: "prices", Kind: picloud.ValueJSON, Body: []byte(`"back"`)}})
		return err == nil
	})
	for _, l := range []*listener{here, there} {
		for data := ""; data != "data: back"; {
			id, rest := l.next()
			if data = rest; data == "" || id != "" && id <= last {
				t.Fatalf("after the database was away: %q with id %s", data, id)
			}
		}
	}

	two.setState("two", picloud.NodeDraining)
	for id, rest := there.next(); ; id, rest = there.next() {
		if rest == "" {
			t.Fatal("the stream of a node that is drained ended without a word")
		}
		if id == "" && strings.HasPrefix(rest, ": the server is stopping") {
			break
		}
	}
}
