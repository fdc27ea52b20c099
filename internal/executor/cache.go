package executor

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"github.com/picloud/picloud/rhai"
)

// cacheKey names a program: what was compiled, under which name, and by whom.
type cacheKey struct {
	hash   string
	name   string
	engine *engine
}

// cache keeps programs, the most recently used ones, up to a number of bytes.
// A program that is made while others ask for it is made once.
type cache struct {
	limit int64

	mu      sync.Mutex
	entries map[cacheKey]*entry
	recent  *list.List // of *entry that are done, the last used in front
	bytes   int64
}

// entry is a program that is there or on its way.
type entry struct {
	key  cacheKey
	done chan struct{} // closed when the fields below are set
	prog *program
	err  error // of the source; another making would not help

	size    int64
	element *list.Element // nil while it is made
}

// badProgramSize is what a source that does not compile is counted with.
const badProgramSize = 1 << 10

func newCache(limit int64) *cache {
	return &cache{limit: limit, entries: map[cacheKey]*entry{}, recent: list.New()}
}

// get finds a program, or makes it. What cannot be loaded is not remembered;
// what does not compile is. Whoever waits for another's making stops waiting
// when ctx ends.
func (c *cache) get(ctx context.Context, key cacheKey, make func(context.Context) (*program, error)) (*program, error) {
	for {
		e, mine := c.claim(key)
		if mine {
			c.fill(ctx, e, make)
		}
		if err := e.wait(ctx); err != nil {
			return nil, err
		}
		if mine || !interrupted(e.err) {
			return e.prog, e.err
		}
		// The one who made it went away: make it ourselves.
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// wait waits until an entry is made. Mostly it is: then the context, whose Done
// may cost a timer, is not asked.
func (e *entry) wait(ctx context.Context) error {
	select {
	case <-e.done:
		return nil
	default:
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errWallTime)
}

// claim finds the entry of a key; mine is whether the caller has to fill it.
func (c *cache) claim(key cacheKey) (e *entry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		if e.element != nil {
			c.recent.MoveToFront(e.element)
		}
		return e, false
	}
	e = &entry{key: key, done: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

// fill makes an entry's program. Should the making panic, those who wait are
// told, and the entry is gone.
func (c *cache) fill(ctx context.Context, e *entry, make func(context.Context) (*program, error)) {
	e.err = errors.New("the script could not be compiled")
	whole := false
	defer func() {
		c.settle(e, whole)
		close(e.done)
	}()
	e.prog, e.err = make(ctx)
	whole = true
}

// settle enters what is worth keeping, and drops what was not used for
// longest.
func (c *cache) settle(e *entry, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var script *rhai.Error
	if !whole || e.err != nil && !errors.As(e.err, &script) {
		delete(c.entries, e.key)
		return
	}
	e.size = badProgramSize
	if e.prog != nil {
		e.size += e.prog.prog.Size()
	}
	e.element = c.recent.PushFront(e)
	c.bytes += e.size
	for c.bytes > c.limit && c.recent.Len() > 1 {
		old := c.recent.Remove(c.recent.Back()).(*entry)
		delete(c.entries, old.key)
		c.bytes -= old.size
	}
}
