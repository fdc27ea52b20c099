package executor

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/hostapi"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// sandbox is a machine with what it uses again from run to run: a run of a
// small script costs less than making these would.
type sandbox struct {
	vm       *rhai.VM
	patterns hostapi.Patterns
	journal  journal

	// Of the run that is on.
	run     *run
	ctx     context.Context
	inv     hostapi.Invocation
	data    waiting
	limits  rhai.Limits
	globals [1]rhai.Value // the value of req, once it is made
	made    bool

	job rhai.Run // its functions lead to the run that is on
	// What begin chooses from, made once: a method value is an allocation.
	ofRequest, ofEvent func(*rhai.VM) ([]rhai.Value, error)
	use                func(rhai.Value) error
	clock              func() time.Time
}

func newSandbox(vm *rhai.VM) *sandbox {
	s := &sandbox{vm: vm}
	s.inv.Log = func(level picloud.Level, message string) { s.run.log.add(level, message, 0) }
	s.job = rhai.Run{
		Host: &s.inv, Limits: &s.limits,
		Print: func(line string) error { s.run.log.add(picloud.LevelInfo, line, 0); return nil },
		Debug: func(line string, at rhai.Position) error {
			s.run.log.add(picloud.LevelDebug, line, at.Line)
			return nil
		},
		Slice:   s.slice,
		Sleep:   s.sleep,
		Resolve: func(ctx context.Context, name string) (*rhai.Program, error) { return s.run.resolve(ctx, name) },
	}
	s.use, s.ofRequest, s.ofEvent, s.clock = s.respond, s.request, s.event, s.journal.clock
	s.job.Now = s.clock
	return s
}

// begin prepares for a run that calls a function of the script, or with ""
// goes from the top.
func (s *sandbox) begin(ctx context.Context, r *run, handler string) error {
	if err := s.journal.begin(r); err != nil {
		return err
	}
	s.run, s.ctx, s.limits = r, ctx, runLimits(r.x.Limits)
	s.inv = hostapi.Invocation{Execution: r.x, Now: s.clock, Rand: &s.journal, Patterns: &s.patterns, Log: s.inv.Log}
	if r.host != nil {
		r.host = &s.journal
		s.data.r = r
		s.inv.Data, s.inv.Outside = &s.data, &s.data
	}
	s.job.Program = r.prog.prog
	s.job.Func, s.job.Args, s.job.GlobalsFunc = handler, s.ofRequest, s.ofRequest
	if r.x.Event != nil {
		s.job.Args, s.job.GlobalsFunc = s.ofEvent, nil
	}
	return nil
}

// end lets go of the run, whose values are not valid any more.
func (s *sandbox) end() {
	s.run.host = s.journal.host
	s.journal.end()
	s.inv = hostapi.Invocation{Log: s.inv.Log}
	s.run, s.ctx, s.data, s.job.Program, s.globals, s.made = nil, nil, waiting{}, nil, [1]rhai.Value{}, false
}

// request makes the value of req, which is both a global and the argument of
// the handler.
func (s *sandbox) request(vm *rhai.VM) ([]rhai.Value, error) {
	if s.made {
		return s.globals[:], nil
	}
	req, err := s.inv.RequestValue(vm)
	if err != nil {
		return nil, err
	}
	s.globals[0], s.made = req, true
	return s.globals[:], nil
}

// event makes the argument of the handler of an event.
func (s *sandbox) event(vm *rhai.VM) ([]rhai.Value, error) {
	v, err := s.inv.EventValue(vm)
	s.globals[0] = v
	return s.globals[:], err
}

// respond takes the result of a run. That of an event is nobody's.
func (s *sandbox) respond(v rhai.Value) (err error) {
	if s.run.x.Event != nil {
		s.run.out.Response = &picloud.Response{Status: http.StatusNoContent, Header: http.Header{}}
		return nil
	}
	s.run.out.Response, err = s.inv.Respond(v)
	return err
}

// slice lets another app have the processor when it is its turn. A run whose
// time is over meanwhile learns that from its context.
func (s *sandbox) slice() {
	if s.run.turn.Due() {
		_ = s.run.turn.Yield(s.ctx)
	}
}

// sleep waits without the processor.
func (s *sandbox) sleep(ctx context.Context, d time.Duration) error {
	if s.journal.player != nil {
		return nil // its time is that of the journal
	}
	s.run.turn.Leave()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.run.turn.Resume(ctx)
}

// waiting is what a run asks its host for: it waits without the processor.
type waiting struct{ r *run }

// ReadEntries implements hostapi.Data.
func (w *waiting) ReadEntries(ctx context.Context, keys []string) ([]picloud.Entry, error) {
	w.r.turn.Leave()
	list, err := w.r.host.ReadEntries(ctx, keys)
	return list, cmp.Or(err, w.r.turn.Resume(ctx))
}

// ListEntries implements hostapi.Data.
func (w *waiting) ListEntries(ctx context.Context, q picloud.EntryQuery) (picloud.EntryPage, error) {
	w.r.turn.Leave()
	page, err := w.r.host.ListEntries(ctx, q)
	return page, cmp.Or(err, w.r.turn.Resume(ctx))
}

// ListFiles implements hostapi.Data.
func (w *waiting) ListFiles(ctx context.Context, q picloud.FileQuery) (picloud.FilePage, error) {
	w.r.turn.Leave()
	page, err := w.r.host.ListFiles(ctx, q)
	return page, cmp.Or(err, w.r.turn.Resume(ctx))
}

// ReadBlob implements hostapi.Data.
func (w *waiting) ReadBlob(ctx context.Context, part picloud.BlobPart) ([]byte, error) {
	w.r.turn.Leave()
	octets, err := w.r.host.ReadBlob(ctx, part)
	return octets, cmp.Or(err, w.r.turn.Resume(ctx))
}

// StageBlob implements hostapi.Data.
func (w *waiting) StageBlob(ctx context.Context, content []byte) (picloud.Blob, error) {
	w.r.turn.Leave()
	b, err := w.r.host.StageBlob(ctx, content)
	return b, cmp.Or(err, w.r.turn.Resume(ctx))
}
