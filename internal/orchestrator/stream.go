package orchestrator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// defaultFollowers is how many clients may follow the topics of one app on
	// one node. Each costs a connection, a goroutine, and memory of some 20 KB.
	defaultFollowers = 1_000
	// heartbeat is how long a client hears nothing at most: proxies and
	// networks cut off what is silent for longer, and who is gone is noticed.
	heartbeat = 25 * time.Second
	// takeTime is how long a client has to take what is sent to it.
	takeTime = 10 * time.Second
	// missedEvent tells a client that there were messages which are not kept
	// any more.
	missedEvent = "missed"
)

// streamed are the messages whose topics are streams. One with a delay is not
// shown: what it says is not so yet.
func (o *Orchestrator) streamed(appID string, messages []picloud.Message) []picloud.Message {
	if len(messages) == 0 {
		return nil
	}
	t := o.table.Load()
	var list []picloud.Message
	for _, m := range messages {
		if t.streams[topicKey{appID, m.Topic}] && m.Delay == 0 {
			list = append(list, m)
		}
	}
	return list
}

// streamable refuses the answer of a script that is a stream of a topic which is
// none.
func (o *Orchestrator) streamable(appID string, out *picloud.Outcome) {
	if out.Response == nil || out.Response.Stream == nil {
		return
	}
	s := out.Response.Stream
	if !o.table.Load().streams[topicKey{appID, s.Topic}] {
		out.Response, out.Error = nil, &picloud.ScriptError{
			Code: picloud.CodeBadResponse, Message: "the topic " + s.Topic + " is no stream: name it in the streams of a script's settings",
		}
	}
}

// EndStreams has the clients that follow topics go, for a process that stops:
// they would never end by themselves. They come back, to wherever it is served;
// here nobody follows anything any more.
func (o *Orchestrator) EndStreams() { o.hub.endAll(true) }

// follower is a client that follows a topic. Its goroutine is its request's.
type follower struct {
	o       *Orchestrator
	w       http.ResponseWriter
	control *http.ResponseController
	spec    *picloud.TopicStream
	feed    *feed
	cursor  int64
	buf     []byte

	table *table // by which it was last seen that it may
	route *route
	token string // that the client proved itself by, if the route asks for one
	beat  *time.Timer
}

// serveStream answers with the messages of a topic until the client goes, or may
// not go on. What it returns is yet to be written: it has not begun.
func (o *Orchestrator) serveStream(w http.ResponseWriter, r *http.Request, t *table, route *route, resp *picloud.Response, id, token string) *picloud.Response {
	ctx, s := r.Context(), resp.Stream
	feed, ended, leave, ok := o.hub.follow(topicKey{route.script.AppID, s.Topic})
	if !ok {
		return refusal(&picloud.Error{Code: picloud.CodeOverloaded, Message: "too many clients follow this already", RetryAfter: 5 * time.Second}, id)
	}
	defer leave()
	f := &follower{o: o, w: w, control: http.NewResponseController(w), spec: s, feed: feed, table: t, route: route, token: token}
	if err := f.begin(ctx, r.Header.Get("Last-Event-Id")); err != nil {
		return refusal(&picloud.Error{Code: picloud.CodeUnavailable, Message: "the stream cannot be read right now", RetryAfter: retryAfter, Err: err}, id)
	}
	streamHead(w, resp, id)
	if r.Method == http.MethodHead {
		return nil
	}
	defer func() { _ = f.control.SetWriteDeadline(time.Time{}) }()
	if f.send(": hello\n\n") != nil {
		return nil
	}
	f.beat = time.NewTimer(o.cfg.Heartbeat)
	defer f.beat.Stop()
	if why := f.run(ctx, ended); why != "" {
		_ = f.send(": " + why + "\n\n") // it may be gone
	}
	return nil
}

// streamHead sends the head of an answer that goes on.
func streamHead(w http.ResponseWriter, resp *picloud.Response, id string) {
	h := w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	h.Set(idHeader, id)
	h.Set("X-Accel-Buffering", "no") // for proxies that would wait for more
	if h.Get("X-Content-Type-Options") == "" {
		h["X-Content-Type-Options"] = noSniff
	}
	w.WriteHeader(resp.Status)
}

// begin finds out where the client is.
func (f *follower) begin(ctx context.Context, seen string) (err error) {
	f.cursor = f.spec.After
	if n, err := strconv.ParseInt(seen, 10, 64); err == nil && n > 0 {
		f.cursor = n // it came back, to what may be another URL by now
	}
	if f.cursor == 0 {
		f.cursor, err = f.o.cfg.Store.StreamPosition(ctx, f.feed.key.appID, f.spec.Topic, f.spec.Key, f.spec.Last)
	}
	return err
}

// run sends messages until there is a reason to end, which the client is told;
// "" is for one that is gone.
func (f *follower) run(ctx context.Context, ended <-chan struct{}) string {
	for {
		list, moved, far := f.feed.after(f.cursor)
		if far {
			if why, ok := f.catchUp(ctx); !ok {
				return why
			}
			continue
		}
		if len(list) > 0 {
			if f.sendAll(list) != nil {
				return ""
			}
			continue
		}
		select {
		case <-moved:
		case <-f.beat.C: // also what has run out by itself is noticed then
			if err := f.may(ctx); err != nil {
				return "this is over, " + message(err)
			}
			if f.send(":\n\n") != nil {
				return ""
			}
		case <-f.table.replaced:
			if err := f.may(ctx); err != nil {
				return "this is over, " + message(err)
			}
		case <-ended:
			return "the server is stopping, come back"
		case <-ctx.Done():
			return ""
		}
	}
}

// may tells why the client may not go on, by what is live now; nil when it may.
func (f *follower) may(ctx context.Context) error {
	f.table = f.o.table.Load()
	o, t, route := f.o, f.table, f.route
	a, live := t.byName[route.script.App], t.byID[route.script.ID]
	if a == nil || live == nil || !t.streams[topicKey{a.ID, f.spec.Topic}] {
		return errNoRoute()
	}
	if err := enabled(live); err != nil || route.auth == picloud.AuthPublic {
		return err
	}
	c, err := o.caller(ctx, t, a, f.token)
	if err != nil {
		return err
	}
	return c.refused
}

// message is what a client may be told of an error.
func message(err error) string {
	var e *picloud.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "something went wrong inside"
}

// catchUp sends what is not in memory any more.
func (f *follower) catchUp(ctx context.Context) (why string, ok bool) {
	page, err := f.o.cfg.Store.ReadStream(ctx, f.feed.key.appID, f.spec.Topic, f.cursor, picloud.MaxStreamPage)
	if err != nil {
		if ctx.Err() == nil {
			f.o.cfg.Log.WarnContext(ctx, "read a stream", "topic", f.spec.Topic, "err", err)
		}
		return "the stream cannot be read right now, come back", false
	}
	if page.Missed {
		if f.send("event: "+missedEvent+"\ndata: {}\n\n") != nil {
			return "", false
		}
	}
	if len(page.Messages) == 0 { // all of it has been dropped meanwhile
		f.cursor = f.feed.start()
		return "", true
	}
	return "", f.sendAll(page.Messages) == nil
}

// start is where what is in memory begins.
func (f *feed) start() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.from
}

// sendAll sends those of the messages that the client is to have.
func (f *follower) sendAll(list []picloud.StreamMessage) error {
	for i := range list {
		m := &list[i]
		f.cursor = m.ID
		if f.spec.Key != "" && m.Key != f.spec.Key {
			continue
		}
		f.buf = picloud.AppendServerEvent(f.buf[:0], strconv.FormatInt(m.ID, 10), f.spec.Event, eventData(m))
		if err := f.write(f.buf); err != nil {
			return err
		}
	}
	return f.flush()
}

// eventData is the body of a message as the data of an event: a text as it is,
// and anything else as JSON; bytes, which lines cannot hold, in base64.
func eventData(m *picloud.StreamMessage) string {
	if m.Kind == picloud.ValueBytes {
		return base64.StdEncoding.EncodeToString(m.Body)
	}
	var text string
	if len(m.Body) > 0 && m.Body[0] == '"' && json.Unmarshal(m.Body, &text) == nil {
		return text
	}
	return string(m.Body)
}

func (f *follower) send(text string) error {
	if err := f.write([]byte(text)); err != nil {
		return err
	}
	return f.flush()
}

// write writes to a client that has a time to take it. One that does not is
// dropped: nothing waits for it, and nothing is kept for it.
func (f *follower) write(b []byte) error {
	if err := f.control.SetWriteDeadline(time.Now().Add(takeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := f.w.Write(b)
	return err
}

func (f *follower) flush() error {
	if f.beat != nil {
		f.beat.Reset(f.o.cfg.Heartbeat)
	}
	return f.control.Flush()
}

// StreamTopics lists the topics of an app that are streams.
func (o *Orchestrator) StreamTopics(appID string) []string {
	t := o.table.Load()
	if t == nil {
		return nil
	}
	var list []string
	for key := range t.streams {
		if key.appID == appID {
			list = append(list, key.topic)
		}
	}
	return list
}

// Changed is a channel that is closed when something that is live has changed
// after the call. Before Start it is nil.
func (o *Orchestrator) Changed() <-chan struct{} {
	if t := o.table.Load(); t != nil {
		return t.replaced
	}
	return nil
}

// errOver is the error of a topic that is followed no more.
var errOver = errors.New("this node ends its streams")

// FollowTopic gives each message of a stream to f, in order, until ctx ends or
// it cannot go on: those after a message, or with 0 those that come after it has
// called ready, which it does once. It returns the last that it gave.
func (o *Orchestrator) FollowTopic(ctx context.Context, appID, topic string, after int64, ready func(at int64), f func(*picloud.StreamMessage)) (last int64, err error) {
	feed, ended, leave, ok := o.hub.follow(topicKey{appID, topic})
	if !ok {
		return after, errOver
	}
	defer leave()
	if after == 0 {
		if after, err = o.cfg.Store.StreamPosition(ctx, appID, topic, "", 0); err != nil {
			return 0, err
		}
	}
	ready(after)
	for {
		list, moved, far := feed.after(after)
		if far {
			page, err := o.cfg.Store.ReadStream(ctx, appID, topic, after, picloud.MaxStreamPage)
			if err != nil {
				return after, err
			}
			if list = page.Messages; len(list) == 0 {
				after = feed.start()
			}
		}
		for i := range list {
			f(&list[i])
			after = list[i].ID
		}
		if far || len(list) > 0 {
			continue
		}
		select {
		case <-moved:
		case <-ended:
			return after, errOver
		case <-ctx.Done():
			return after, ctx.Err()
		}
	}
}
