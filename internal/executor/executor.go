package executor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/fair"
	"github.com/picloud/picloud/internal/hostapi"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// DefaultCacheBytes is how much the compiled programs take at most.
const DefaultCacheBytes = 64 << 20

// Config is what an Executor is made from. Every field may be left out.
type Config struct {
	CacheBytes int64            // 0: DefaultCacheBytes
	Now        func() time.Time // the clock of scripts and of measuring; nil: time.Now
	Rand       io.Reader        // the randomness of scripts; nil: that of the system
	Log        *slog.Logger     // for bugs; nil: slog.Default()
	// Slots is how many runs have a processor at a time; 0: as many as there
	// are. Apps share them fairly.
	Slots int
}

// Executor runs scripts. It is safe for concurrent use. New makes one.
type Executor struct {
	now     func() time.Time
	rand    io.Reader
	log     *slog.Logger
	engines engines
	cache   *cache
	slots   *fair.Queue
}

// New makes an executor. It has nothing to be closed.
func New(cfg Config) *Executor {
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = DefaultCacheBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Slots == 0 {
		cfg.Slots = runtime.GOMAXPROCS(0)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Executor{
		now: cfg.Now, rand: cfg.Rand, log: cfg.Log, cache: newCache(cfg.CacheBytes),
		slots: fair.New(cfg.Slots),
	}
}

// Run runs a version on an event and waits for the end; the host answers what
// the run asks for. It always has an outcome: a context that ends is one, CodeCanceled; so is a store that cannot
// be read, CodeUnavailable.
func (e *Executor) Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome {
	started := e.now()
	r := &run{e: e, x: x, host: host, started: started, log: logbook{limit: x.Limits.LogBytes, now: e.now}}
	r.do(ctx)
	r.out.Logs, r.out.LogsCut = r.log.lines, r.log.cut
	r.out.Duration = e.now().Sub(started)
	return &r.out
}

// run is one execution on its way.
type run struct {
	e    *Executor
	x    *picloud.Execution
	host picloud.Host
	log  logbook
	out  picloud.Outcome

	started time.Time
	wall    deadline
	prog    *program
	turn    fair.Turn // the processor, while the run has it
}

// do finds the program and runs it within its wall time.
func (r *run) do(parent context.Context) {
	ctx := &r.wall
	ctx.begin(parent, r.x.WallTime())
	defer ctx.release()
	var err error
	if r.prog, err = r.load(ctx, r.x.Hash, r.x.Script, r.x.Limits); err == nil {
		if r.turn, err = r.e.slots.Enter(ctx, r.x.AppID, 1); err == nil {
			err = r.execute(ctx)
			r.turn.Leave()
		}
	}
	if err != nil {
		r.out.Response = nil
		r.out.Error = r.explain(parent, ctx, err)
		if r.out.Error.Code == picloud.CodeCanceled {
			r.out.Journal = nil // what was cut off from outside, nothing inside explains
		}
		r.log.fail(r.out.Error)
	}
}

// errWallTime is the cause of a context that ended because of the script.
var errWallTime = errors.New("the wall time is over")

// execute runs the program on a machine of its engine.
func (r *run) execute(ctx context.Context) error {
	s := r.prog.engine.sandbox()
	err := r.guarded(ctx, s)
	if _, crashed := err.(*panicError); crashed {
		return err // the machine may be in any state: it is not used again
	}
	r.prog.engine.release(s)
	return err
}

// panicError is a bug of ours that a script ran into.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guarded runs the program and turns a panic into an error.
func (r *run) guarded(ctx context.Context, s *sandbox) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	name, err := r.prog.handlerOf(r.x)
	if err != nil {
		return err
	}
	if err := s.begin(ctx, r, name); err != nil {
		return err
	}
	defer s.end()
	whole := false
	defer func() {
		if r.x.Replay == nil && (!whole || r.keepsJournal(err)) {
			r.out.Journal = s.journal.encode()
		}
	}()
	err = r.finish(ctx, s)
	whole = true
	return err
}

// finish runs the program and takes what it leaves.
func (r *run) finish(ctx context.Context, s *sandbox) error {
	stats, err := s.vm.Run(ctx, s.job, s.use)
	r.out.Operations, r.out.PeakBytes = stats.Operations, stats.PeakBytes
	if s.inv.Failed() != nil {
		err = &doomedError{s.inv.Failed(), err}
	}
	if p := s.journal.player; p != nil {
		err = p.verdict(ctx, err)
	}
	if s.inv.Failed() != nil {
		if staged := s.inv.Staged(); len(staged) > 0 {
			r.out.Effects = &picloud.Effects{Staged: staged} // to be removed
		}
		return err
	}
	if r.out.Effects = s.inv.Effects(); err != nil && r.out.Effects != nil {
		r.out.Effects.Drop() // a run that failed leaves nothing
	}
	return err
}

// keepsJournal reports whether the journal of a run that ended so is to be
// kept: of those that failed, and of the others if that is asked for. A status
// below 500 that a script throws for a request is an answer.
func (r *run) keepsJournal(err error) bool {
	if err == nil {
		return r.x.KeepJournal
	}
	var script *rhai.Error
	answered := false
	if r.x.Event == nil && errors.As(err, &script) && script.RootKind() == "ErrorRuntime" {
		status, _, ok := hostapi.Thrown(script.Thrown)
		answered = ok && status < 500
	}
	return r.x.KeepJournal || !answered
}

// doomedError is a failure of the platform that the script could not help, with
// where it was in the script, if it got that far.
type doomedError struct{ cause, script error }

func (d *doomedError) Error() string { return d.cause.Error() }
func (d *doomedError) Unwrap() error { return d.cause }

// resolve finds the program that `import "name"` means: the live version of
// another script of the app.
func (r *run) resolve(ctx context.Context, name string) (*rhai.Program, error) {
	if err := picloud.ValidateScriptName(name); err != nil {
		return nil, fmt.Errorf("%q is not the name of a script", name)
	}
	hash, err := r.host.LiveVersion(ctx, name)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return nil, errors.New("the app has no such script")
	}
	if err != nil {
		return nil, &loadError{err}
	}
	// The importer's limits hold for what it imports: it is one run.
	p, err := r.load(ctx, hash, name, r.x.Limits)
	if err != nil {
		return nil, err
	}
	return p.prog, nil
}

// engines are the engines by the depth of expressions that they compile, which
// is the one limit that is the compiler's. There are as many as scripts ask
// for different depths.
type engines struct {
	mu      sync.Mutex
	byDepth map[int]*engine
}

func (es *engines) of(l picloud.Limits) *engine {
	depth := int(l.ExprDepth)
	es.mu.Lock()
	defer es.mu.Unlock()
	if es.byDepth == nil {
		es.byDepth = map[int]*engine{}
	}
	if es.byDepth[depth] == nil {
		es.byDepth[depth] = newEngine(depth)
	}
	return es.byDepth[depth]
}

// engine is a language engine with its idle machines.
type engine struct {
	rhai *rhai.Engine
	idle sync.Pool // of *sandbox
}

func newEngine(exprDepth int) *engine {
	return &engine{rhai: rhai.New(rhai.Config{
		Modules: hostapi.Modules(), Global: hostapi.Global(),
		Limits: rhai.Limits{ExprDepth: exprDepth, FnExprDepth: exprDepth, Variables: maxVariables, Functions: maxFunctions},
	})}
}

func (g *engine) sandbox() *sandbox {
	if s, ok := g.idle.Get().(*sandbox); ok {
		return s
	}
	return newSandbox(g.rhai.NewVM())
}

func (g *engine) release(s *sandbox) { g.idle.Put(s) }

// Bounds that no script can change.
const (
	maxVariables = 10_000
	maxFunctions = 10_000
	maxModules   = 64
)

// runLimits is a version's limits as the engine has them.
func runLimits(l picloud.Limits) rhai.Limits {
	return rhai.Limits{
		Operations: l.Operations, Memory: l.MemoryBytes, CallLevels: int(l.CallDepth),
		ExprDepth: int(l.ExprDepth), FnExprDepth: int(l.ExprDepth),
		StringSize: int(l.StringBytes), ArraySize: int(l.ArrayItems), MapSize: int(l.MapEntries),
		Variables: maxVariables, Functions: maxFunctions, Modules: maxModules,
	}
}
