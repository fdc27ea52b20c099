package wire

import (
	"fmt"
	"time"
)

// abandon gives a run up that has not ended, tells the executor, and has an
// eye on both from then on. False means that the run has just ended.
func (c *Client) abandon(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs[id] == nil {
		return false
	}
	delete(c.runs, id)
	c.given[id] = 0
	_ = c.w.send(kindCancel, id, nil)
	if !c.watching {
		c.watching = true
		c.beside.Go(c.watch)
	}
	return true
}

// watch pings the executor while it has runs that should have ended. It closes
// the connection when nothing at all comes back, or when a run does not end
// for much longer. An executor that does what it should is never watched.
func (c *Client) watch() {
	timer := time.NewTimer(c.cfg.Grace)
	defer timer.Stop()
	for {
		heard := c.heard.Load()
		_ = c.w.send(kindPing, 0, nil)
		timer.Reset(c.cfg.Grace)
		select {
		case <-timer.C:
		case <-c.closed:
			return
		}
		if c.heard.Load() == heard {
			c.fail(fmt.Errorf("%w: it says nothing", ErrStuck))
			return
		}
		if id, left := c.overdue(); !left {
			return
		} else if id != 0 {
			c.fail(fmt.Errorf("%w: run %d does not end", ErrStuck, id))
			return
		}
	}
}

// overdue counts a grace for every run that has been given up, and is one that
// has had too many, or 0. When none is left the watch is over.
func (c *Client) overdue() (id uint64, left bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for run := range c.given {
		c.given[run]++
		if c.given[run] >= stuckGraces {
			id = run
		}
	}
	c.watching = len(c.given) > 0
	return id, c.watching
}
