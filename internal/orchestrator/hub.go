package orchestrator

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// What a node keeps in memory of a topic that somebody follows: its newest
// messages, so that they are read once for all who do.
const (
	recentMessages = 256
	recentBytes    = 1 << 20
)

// hub is who follows topics on this node. While nobody follows a topic nothing
// is read of it, and no goroutine runs.
type hub struct {
	store picloud.Streams
	log   *slog.Logger
	most  int // who may follow topics of one app

	mu        sync.Mutex
	feeds     map[topicKey]*feed
	followers map[string]int // by app
	ended     chan struct{}  // closed when all are to go
	closed    bool           // nobody may follow any more
	work      sync.WaitGroup
}

func newHub(store picloud.Streams, most int, log *slog.Logger) *hub {
	return &hub{store: store, log: log, most: most, feeds: map[topicKey]*feed{}, followers: map[string]int{}, ended: make(chan struct{})}
}

// feed is a topic that somebody follows.
type feed struct {
	key  topicKey
	wake chan struct{} // something may be new; holds one
	end  context.CancelFunc

	users int // under hub.mu

	mu     sync.Mutex
	known  bool                    // from and to are
	from   int64                   // recent holds all that came after it,
	to     int64                   // up to this
	recent []picloud.StreamMessage // in order
	bytes  int
	moved  chan struct{} // closed when something of these has changed
}

// follow begins to follow a topic; the caller leaves it by the function that it
// returns. ok is false when too many do. ended is closed when it is time to go.
func (h *hub) follow(key topicKey) (f *feed, ended <-chan struct{}, leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.followers[key.appID] >= h.most {
		return nil, nil, nil, false
	}
	h.followers[key.appID]++
	f = h.feeds[key]
	if f == nil {
		f = &feed{key: key, wake: make(chan struct{}, 1), moved: make(chan struct{})}
		h.feeds[key] = f
		var ctx context.Context
		ctx, f.end = context.WithCancel(context.Background())
		h.work.Go(func() { h.run(ctx, f) })
	}
	f.users++
	return f, h.ended, func() { h.leave(f) }, true
}

func (h *hub) leave(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.followers[f.key.appID]--; h.followers[f.key.appID] == 0 {
		delete(h.followers, f.key.appID)
	}
	if f.users--; f.users == 0 {
		delete(h.feeds, f.key)
		f.end()
	}
}

// tell wakes the feeds that something may have come for.
func (h *hub) tell(appID, topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if topic != "" {
		if f := h.feeds[topicKey{appID, topic}]; f != nil {
			f.nudge()
		}
		return
	}
	for _, f := range h.feeds {
		f.nudge()
	}
}

func (f *feed) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// endAll has all who follow a topic go, now or for good.
func (h *hub) endAll(forGood bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = h.closed || forGood
	close(h.ended)
	h.ended = make(chan struct{})
}

// run reads a topic whenever it has gone on, until ctx ends. It is the only one
// that does so ahead of its followers, so that their order is that of the store.
func (h *hub) run(ctx context.Context, f *feed) {
	f.nudge() // where it stands
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		err := h.read(ctx, f)
		if err == nil || ctx.Err() != nil {
			continue
		}
		h.log.WarnContext(ctx, "read a stream: it is tried again", "topic", f.key.topic, "err", err)
		timer := time.NewTimer(retryAfter)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
			f.nudge()
		}
	}
}

func (h *hub) read(ctx context.Context, f *feed) error {
	if !f.known { // only run writes it
		at, err := h.store.StreamPosition(ctx, f.key.appID, f.key.topic, "", 0)
		if err != nil {
			return err
		}
		f.begin(at)
	}
	for more := true; more; {
		page, err := h.store.ReadStream(ctx, f.key.appID, f.key.topic, f.to, picloud.MaxStreamPage)
		if err != nil {
			return err
		}
		f.add(page)
		more = page.More
	}
	return nil
}

func (f *feed) begin(at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known, f.from, f.to = true, at, at
	f.move()
}

// move wakes who waits. The lock is held.
func (f *feed) move() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// add takes what has come, and lets go of what is too much.
func (f *feed) add(page picloud.StreamPage) {
	if len(page.Messages) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if page.Missed {
		f.recent, f.bytes, f.from = nil, 0, page.Messages[0].ID-1
	}
	for _, m := range page.Messages {
		f.recent, f.to = append(f.recent, m), m.ID
		f.bytes += len(m.Body)
	}
	drop := 0
	for drop < len(f.recent)-1 && (len(f.recent)-drop > recentMessages || f.bytes > recentBytes) {
		f.bytes -= len(f.recent[drop].Body)
		f.from = f.recent[drop].ID
		drop++
	}
	f.recent = append([]picloud.StreamMessage(nil), f.recent[drop:]...)
	f.move()
}

// after is what has come after a message, as far as it is in memory. Without
// any, moved is closed when there is more; far tells that what comes next has to
// be read.
func (f *feed) after(cursor int64) (list []picloud.StreamMessage, moved <-chan struct{}, far bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known || cursor >= f.to {
		return nil, f.moved, false
	}
	if cursor < f.from {
		return nil, nil, true
	}
	for i := range f.recent {
		if f.recent[i].ID > cursor {
			return f.recent[i:len(f.recent):len(f.recent)], nil, false
		}
	}
	return nil, f.moved, false
}
