package orchestrator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"net/http"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/outbound"
	"github.com/picloud/picloud/internal/picloud"
)

// maxAnswers is how many bytes of answers one invocation may be given, if its
// limit for one is not larger: they are kept until it ends, for the case that it
// has to be run again.
const maxAnswers = 32 << 20

// maxCallRounds bounds the calls that an invocation makes in all of its runs: a
// multiple of what one run may make.
const maxCallRounds = 4

// calls is what an invocation has called outside, in all of its runs. Another
// run of it gets the answers that were given before to the same calls, so that
// nothing is called twice. The zero value is ready. It is safe for concurrent use.
type calls struct {
	mu    sync.Mutex
	count int                  // of this run
	made  int                  // of all runs
	bytes int64                // of answers
	given map[callID]int       // answers given to this run
	kept  map[callID][]outcome // in the order in which they came
}

// callID identifies a call by all that it asks for.
type callID [sha256.Size]byte

// outcome is how a call ended.
type outcome struct {
	answer *picloud.HTTPAnswer
	err    error
}

// begin begins a run.
func (c *calls) begin() {
	if c.made == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count = 0
	clear(c.given)
}

// next counts a call of the run. It is the outcome that the same call had in a
// run before, if there was one; otherwise the call is to be made.
func (c *calls) next(id callID, l *picloud.Limits) (old outcome, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count++; int64(c.count) > l.OutboundCalls {
		return old, false, picloud.Errorf(picloud.CodeOutbound, "an invocation may make %d calls to the outside, and this would be one more", l.OutboundCalls)
	}
	if c.given == nil {
		c.given, c.kept = map[callID]int{}, map[callID][]outcome{}
	}
	n := c.given[id]
	c.given[id]++
	if list := c.kept[id]; n < len(list) {
		return list[n], true, nil
	}
	if c.made++; int64(c.made) > maxCallRounds*l.OutboundCalls {
		return old, false, picloud.Errorf(picloud.CodeOutbound, "the invocation was run again several times, and has made %d calls to the outside", c.made-1)
	}
	return old, false, nil
}

// keep keeps the outcome of a call.
func (c *calls) keep(id callID, o outcome, l *picloud.Limits) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[id] = append(c.kept[id], o)
	if o.answer == nil {
		return nil
	}
	c.bytes += int64(len(o.answer.Body))
	if most := max(maxAnswers, l.OutboundBytes); c.bytes > most {
		return picloud.Errorf(picloud.CodeOutbound, "the answers to an invocation's calls have more than %d bytes together", most)
	}
	return nil
}

// end gives back the memory of an invocation's answers. None of its calls may
// be under way.
func (h *host) end() {
	if h.calls.made == 0 {
		return
	}
	h.calls.mu.Lock()
	defer h.calls.mu.Unlock()
	for _, list := range h.calls.kept {
		for _, o := range list {
			if o.answer != nil {
				h.o.cfg.Outbound.Release(o.answer)
			}
		}
	}
	h.calls.kept = nil
}

// HTTP implements picloud.Host.
func (h *host) HTTP(ctx context.Context, c *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if h.o.cfg.Outbound == nil {
		return nil, picloud.Errorf(picloud.CodeUnavailable, "this server makes no calls to the outside")
	}
	if h.x.Replay != nil {
		return nil, picloud.Errorf(picloud.CodeDiverged, "a replay calls nobody: what it was answered is in its journal")
	}
	id := idOf(c)
	old, known, err := h.calls.next(id, &h.x.Limits)
	if err != nil {
		return nil, err
	}
	if known {
		return old.answer, old.err
	}
	call, err := h.call(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := h.meter.call(); err != nil {
		return nil, err
	}
	answer, err := h.o.cfg.Outbound.Do(ctx, call)
	h.hush(answer, err)
	if err != nil && ctx.Err() != nil {
		return nil, err // the run's end, and not the call's
	}
	return answer, cmp.Or(h.calls.keep(id, outcome{answer, err}, &h.x.Limits), err)
}

// hush takes the secrets that were sent out of an answer, and out of what went
// wrong. What is counted for the answer's memory stays counted.
func (h *host) hush(a *picloud.HTTPAnswer, err error) {
	if a != nil {
		before := len(a.Body)
		h.hushed.answer(a)
		h.o.cfg.Outbound.Hold(len(a.Body) - before)
	}
	var mine *picloud.Error
	if r := h.hushed.replacer(); r != nil && errors.As(err, &mine) {
		mine.Message = r.Replace(mine.Message)
	}
}

// call is what a script asks for as it is done.
func (h *host) call(ctx context.Context, c *picloud.HTTPCall) (*outbound.Call, error) {
	call := &outbound.Call{
		App: h.appID, Hosts: h.outHosts(), Method: c.Method, Header: http.Header{}, Follow: c.Follow, Retry: c.Retry,
		Time: h.callTime(c), MaxBytes: h.x.Limits.OutboundBytes, Sensitive: c.URL.Secret() || c.Body.Secret(),
	}
	var err error
	if call.URL, err = h.join(ctx, c.URL); err != nil {
		return nil, err
	}
	if call.Body, err = h.join(ctx, c.Body); err != nil {
		return nil, err
	}
	for _, f := range c.Header {
		v, err := h.join(ctx, f.Value)
		if err != nil {
			return nil, err
		}
		if !picloud.ValidFieldValue(v) {
			return nil, picloud.Invalid("headers", "the secret in the header %s holds a character that no header can have, such as a line end", f.Name)
		}
		call.Header.Add(f.Name, v)
	}
	if trace := h.trace(); trace != "" && call.Header.Get("Traceparent") == "" {
		call.Header.Set("Traceparent", trace)
	}
	return call, nil
}

// callTime is how long a call may take: no longer than the script's limit.
func (h *host) callTime(c *picloud.HTTPCall) time.Duration {
	most := h.x.Limits.OutboundTime()
	if c.Timeout == 0 {
		return most
	}
	return min(c.Timeout, most)
}

// trace is the trace that the invocation belongs to, for whom it calls.
func (h *host) trace() string {
	if h.x.Request == nil {
		return ""
	}
	return traceParent(h.x.Request.Header, h.x.ID)
}

// outHosts are the hosts that the app may call at the moment.
func (h *host) outHosts() picloud.OutHosts {
	if t := h.o.table.Load(); t != nil {
		if hosts, ok := t.outHosts[h.appID]; ok {
			return hosts
		}
	}
	return h.o.cfg.OutHosts
}

// idOf is what identifies a call.
func idOf(c *picloud.HTTPCall) (id callID) {
	h := sha256.New()
	writeText(h, c.Method)
	writePieces(h, c.URL)
	writeNumber(h, len(c.Header))
	for _, f := range c.Header {
		writeText(h, f.Name)
		writePieces(h, f.Value)
	}
	writePieces(h, c.Body)
	h.Sum(id[:0])
	return id
}

func writeNumber(h hash.Hash, n int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

func writeText(h hash.Hash, s string) {
	writeNumber(h, len(s))
	_, _ = h.Write([]byte(s))
}

func writePieces(h hash.Hash, list picloud.Pieces) {
	writeNumber(h, len(list))
	for _, p := range list {
		writeText(h, p.Text)
		writeText(h, p.Secret)
		writeText(h, string(p.As))
	}
}
