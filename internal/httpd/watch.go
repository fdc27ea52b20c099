package httpd

import (
	"context"
	"sync"
	"time"
)

// watchAfter is how long a handler asks its context's Err before the
// connection is watched for it.
const watchAfter = 10 * time.Millisecond

// watch notices that a client goes away while its request is handled, once
// somebody wants to know. It reads a byte ahead for that, which is then the
// next request's.
type watch struct {
	c *conn

	mu      sync.Mutex
	ctx     *requestContext
	live    bool // a request is handled
	ready   bool // its body was read, so that what comes is not part of it
	wanted  bool
	reading chan struct{} // closed when the reader has ended; nil without one
	ahead   [1]byte
	read    int
}

// requestContext is the context of the requests of a connection. As long as
// nobody asked for its Done, nobody can notice that the next request has the
// same one.
type requestContext struct {
	context.Context // done when the client has gone or the request is over
	w               *watch
	cancel          context.CancelFunc
	began           time.Time
	asked           bool // under w.mu
}

// fresh makes the next context.
func (w *watch) fresh() *requestContext {
	x := &requestContext{w: w}
	x.Context, x.cancel = context.WithCancel(context.Background())
	w.ctx = x
	return x
}

// Done implements context.Context.
func (x *requestContext) Done() <-chan struct{} {
	x.w.want(x)
	return x.Context.Done()
}

// Err implements context.Context.
func (x *requestContext) Err() error {
	if time.Since(x.began) > watchAfter {
		x.w.want(x)
	}
	return x.Context.Err()
}

// begin is called before a request is handled. Its body may be yet to come.
func (w *watch) begin(bodyDone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx.began = time.Now()
	w.live, w.ready, w.wanted = true, bodyDone, false
}

// bodyDone is called when the body has been read.
func (w *watch) bodyDone() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = true
	w.start()
}

// want has the connection watched for a context.
func (w *watch) want(x *requestContext) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x != w.ctx || !w.live {
		return
	}
	x.asked, w.wanted = true, true
	w.start()
}

// start begins to read ahead if that is wanted and can be. The lock is held.
func (w *watch) start() {
	if !w.live || !w.ready || !w.wanted || w.reading != nil || w.read > 0 {
		return
	}
	w.c.setReadBy(time.Time{})
	w.reading = make(chan struct{})
	go w.readAhead(w.ctx, w.reading)
}

func (w *watch) readAhead(x *requestContext, done chan struct{}) {
	defer close(done)
	n, err := w.c.net.Read(w.ahead[:])
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read = n
	if err != nil && w.live {
		x.cancel()
	}
}

// end is called when the request has been handled. What was read ahead is put
// where the next request is read from.
func (w *watch) end() {
	w.mu.Lock()
	reading, asked := w.reading, w.ctx.asked
	w.live, w.reading = false, nil
	w.mu.Unlock()
	if reading != nil {
		w.c.setReadBy(longAgo)
		<-reading
	}
	if asked {
		w.ctx.cancel()
		w.c.blank.URL = nil // the next request gets another context
	}
	if w.read > 0 {
		w.c.unread(w.ahead[:w.read])
		w.read = 0
	}
}

// longAgo is a deadline that ends a read.
var longAgo = time.Unix(1, 0)

// unread puts bytes behind those that the buffer holds.
func (c *conn) unread(p []byte) {
	c.buf = append(c.buf[:c.w], p...)
	c.w = len(c.buf)
	c.buf = c.buf[:cap(c.buf)]
}
