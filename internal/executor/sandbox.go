package executor

import (
	"context"

	"github.com/picloud/picloud/internal/hostapi"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// sandbox is a machine with what it uses again from run to run: a run of a
// small script costs less than making these would.
type sandbox struct {
	vm       *rhai.VM
	patterns hostapi.Patterns

	// Of the run that is on.
	run     *run
	inv     hostapi.Invocation
	limits  rhai.Limits
	globals [1]rhai.Value // the value of req, once it is made
	made    bool

	job rhai.Run // its functions lead to the run that is on
	use func(rhai.Value) error
}

func newSandbox(vm *rhai.VM) *sandbox {
	s := &sandbox{vm: vm}
	s.inv.Log = func(level picloud.Level, message string) { s.run.log.add(level, message, 0) }
	s.job = rhai.Run{
		Host: &s.inv, Limits: &s.limits, GlobalsFunc: s.request,
		Print: func(line string) error { s.run.log.add(picloud.LevelInfo, line, 0); return nil },
		Debug: func(line string, at rhai.Position) error {
			s.run.log.add(picloud.LevelDebug, line, at.Line)
			return nil
		},
		Resolve: func(ctx context.Context, name string) (*rhai.Program, error) { return s.run.resolve(ctx, name) },
	}
	s.use = s.respond
	return s
}

// begin prepares for a run.
func (s *sandbox) begin(r *run) {
	s.run, s.limits = r, runLimits(r.x.Limits)
	s.inv = hostapi.Invocation{Execution: r.x, Now: r.e.now, Rand: r.e.rand, Patterns: &s.patterns, Data: r.host, Log: s.inv.Log}
	s.job.Program, s.job.Now = r.prog.prog, r.e.now
	s.job.Func, s.job.Args = "", nil
	if r.prog.handles {
		s.job.Func, s.job.Args = handler, s.job.GlobalsFunc
	}
}

// end lets go of the run, whose values are not valid any more.
func (s *sandbox) end() {
	s.inv = hostapi.Invocation{Log: s.inv.Log}
	s.run, s.job.Program, s.globals, s.made = nil, nil, [1]rhai.Value{}, false
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

// respond takes the result of a run.
func (s *sandbox) respond(v rhai.Value) (err error) {
	s.run.out.Response, err = s.inv.Respond(v)
	return err
}
