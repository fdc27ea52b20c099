package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	defaultBackoff = 200 * time.Millisecond
	maxBackoff     = 30 * time.Second
)

// insist makes a call, and makes it again as often as it asks for while there
// is hope and time. The last answer counts, whatever it says.
func (c *Client) insist(ctx context.Context, call *Call) (*picloud.HTTPAnswer, error) {
	for try := 0; ; try++ {
		a, err := c.follow(ctx, call)
		if try >= call.Retry.Max || !call.repeatable() || !transient(a, err) {
			return a, err
		}
		wait := c.pause(call.Retry, try, a)
		if deadline, ok := ctx.Deadline(); ok && c.cfg.Now().Add(wait).After(deadline) {
			return a, err // it would only be waited for in vain
		}
		if a != nil {
			c.Release(a)
		}
		if err := c.cfg.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// repeatable reports whether a call may be made twice.
func (call *Call) repeatable() bool {
	switch call.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	// Whoever sends a key sees to it that the second does nothing.
	return call.Retry.Unsafe || call.Header.Get("Idempotency-Key") != ""
}

// transient reports whether it may go better the next time.
func transient(a *picloud.HTTPAnswer, err error) bool {
	if err != nil {
		var mine *picloud.Error
		if errors.As(err, &mine) {
			return false // refused, or an answer that will not get better
		}
		return !errors.Is(err, errLong) && !errors.Is(err, errTime) && tlsReason(err) == ""
	}
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause is how long to wait: what the answer asks for, or twice as long each
// time, up to a half more so that those who failed together do not return
// together.
func (c *Client) pause(r picloud.Retry, try int, a *picloud.HTTPAnswer) time.Duration {
	if a != nil {
		if d, ok := RetryAfter(a.Header, c.cfg.Now()); ok {
			return d
		}
	}
	wait := r.Backoff
	if wait == 0 {
		wait = defaultBackoff
	}
	wait = min(wait<<try, maxBackoff)
	return wait + time.Duration(rand.Int64N(int64(wait)/2+1))
}

// RetryAfter is how long an answer asks to wait, if it does.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}
