package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// player answers a run from a journal, call by call. The first call that is
// not the one that was made before ends it: nothing after that would mean
// anything.
type player struct {
	calls []picloud.JournalCall
	next  int
	why   string // where the run left the journal; "" while it has not
}

// errDiverged is what a call fails with that was not made before.
var errDiverged = errors.New("the replay asks for something else than the run did")

// errCutOff is what a call fails with that had no answer before the run's time
// was over.
var errCutOff = errors.New("the run was cut off here")

// diverge remembers where the run left the journal.
func (p *player) diverge(why string) error {
	if p.why == "" {
		p.why = why
	}
	return errDiverged
}

// maxShown bounds what a message shows of arguments.
const maxShown = 200

// shown is a call as a message names it.
func shown(call string, args json.RawMessage) string {
	if len(args) == 0 {
		return call
	}
	return call + " " + clip(string(args), maxShown)
}

// take takes the next call, which must be this one.
func (p *player) take(call string, args any) (*picloud.JournalCall, error) {
	if p.why != "" {
		return nil, errDiverged
	}
	asked := encoded(args)
	if p.next == len(p.calls) {
		return nil, p.diverge(fmt.Sprintf("call %d is %s, and the run made only %d", p.next+1, shown(call, asked), len(p.calls)))
	}
	c := &p.calls[p.next]
	if c.Call != call || !bytes.Equal(c.Args, asked) {
		return nil, p.diverge(fmt.Sprintf("call %d is %s, and it was %s", p.next+1, shown(call, asked), shown(c.Call, c.Args)))
	}
	p.next++
	return c, nil
}

// played is the answer that a call got before.
func played[T any](p *player, call string, args any) (answer T, err error) {
	c, err := p.take(call, args)
	if err != nil {
		return answer, err
	}
	switch e := c.Error; {
	case e == nil:
		if err := json.Unmarshal(c.Result, &answer); err != nil {
			return answer, p.diverge(fmt.Sprintf("the answer to call %d, %s, cannot be read", p.next, shown(call, c.Args)))
		}
		return answer, nil
	case e.Ended:
		return answer, errCutOff
	case e.Code == "":
		return answer, errors.New("the call failed before, too")
	default:
		return answer, &picloud.Error{Code: e.Code, Message: e.Message, Field: e.Field}
	}
}

// divergedError is a replay that did not do what the run had done, with where
// it was in the script.
type divergedError struct {
	why    string
	script error
}

func (d *divergedError) Error() string { return "the replay differs: " + d.why }
func (d *divergedError) Unwrap() error { return d.script }

// verdict is how a replay ended that ended with err: as it did, or differently.
// One that ran out of time may have come less far than the run before.
func (p *player) verdict(ctx context.Context, err error) error {
	if p.why == "" && p.next < len(p.calls) && ctx.Err() == nil {
		c := p.calls[p.next]
		_ = p.diverge(fmt.Sprintf("it ends before call %d, which was %s", p.next+1, shown(c.Call, c.Args)))
	}
	if p.why != "" {
		return &divergedError{p.why, err}
	}
	return err
}

// explainDiverged tells where a replay differs.
func (r *run) explainDiverged(err *divergedError) *picloud.ScriptError {
	e := &picloud.ScriptError{Code: picloud.CodeDiverged, Message: storable(shorten(err.why))}
	var script *rhai.Error
	if errors.As(err.script, &script) {
		r.place(e, script)
	}
	return e
}
