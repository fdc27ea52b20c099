// Package vm runs compiled programs.
//
// The machine keeps its own stack of frames and of registers; a script
// function calling another does not recurse in Go, and neither do natives that
// call back (they are tasks, see native.Task). So a script's depth is a
// number that can be limited, and its state is plain data.
//
// loop.go holds the dispatch loop with the hot operations; everything else is
// behind VM.cold in files of their own. Errors never panic: an operation
// leaves its error in VM.err and the loop unwinds the frames (unwind.go).
package vm

import (
	"context"

	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Limits bound one run. 0 is no limit, but for CallLevels.
type Limits struct {
	Operations int64
	Memory     int64
	CallLevels int // 0: no script function may be called
	Sizes      value.Sizes
	Variables  int
	Modules    int // negative: none may be imported
	// Depths are for what eval and import parse.
	ExprDepth, FnExprDepth int
	Functions              int
}

// Config is what a machine needs from its embedder; it is fixed for a run.
type Config struct {
	Registry *native.Registry
	Limits   Limits
	Print    func(line string) error
	Debug    func(line string, at syntax.Pos) error
	Now      func() int64 // nanoseconds; nil is the system's monotonic clock
	Sleep    func(ctx context.Context, nanos int64) error
	Slice    func() // called when a slice of operations is used up
	// Load gives the program of a module; nil: nothing can be imported.
	Load    func(ctx context.Context, name, importer string) (*code.Program, error)
	Modules Modules // of the embedder; may be nil
	NoEval  bool
	Host    any
	// Sample, when set, is told of every billing: the function and the
	// instruction after the one that n operations were billed at, 0 when it
	// was the function's entry.
	Sample func(fn *code.Func, pc int, n int64)
}

// Modules tells what the embedder's modules hold besides functions.
type Modules interface {
	HasModule(name string) bool
	Constant(module, name string) (value.Value, bool)
}

// VM is a machine. It runs one program at a time and may be used again. It is
// not safe for concurrent use.
type VM struct {
	Heap value.Heap

	cfg  Config
	ctx  context.Context
	call native.Call

	stack  []value.Value
	frames []frame
	depth  int // index of the running frame
	base   int // its first register
	fn     *code.Func
	inst   *instance
	exts   []ext
	pc     int // the running frame's next instruction, where the loop has left it

	err    *value.Error // why an operation failed
	caught *value.Error // what the handler that is about to run has caught
	exit   bool         // err is not an error but the end of the script
	result value.Value
	leaf   value.Value   // receiver of the path call that runs
	held   []value.Value // arguments of the function that runs next

	fuel     int64 // operations left in this slice
	slice    int64 // size of this slice
	spent    int64 // operations of the slices before
	tripped  bool  // the heap passed its limit
	maxDepth int   // index of the last frame that may be used
	high     int   // highest base of a window that was used, or beyond

	last    *instance // of the main program; kept from run to run
	modules map[string]value.Value
	nmods   int
	dyn     []dynVar
	text    []byte       // scratch for texts under construction
	paid    int          // bytes of it that are charged to the heap
	key     value.String // a text that is only looked up
	part    int          // the part of a text that is being added
	// assigning: a path is being changed by an op= assignment.
	assigning bool
	evals     int // chunks running
}

// frame is one running function.
type frame struct {
	fn    *code.Func
	inst  *instance
	pc    int32
	base  int32
	back  int32 // flagBack: stack index that the callee's `this` goes back to
	flags frameFlags
}

type frameFlags uint8

const (
	flagExt      frameFlags = 1 << iota // there is an ext that says what to do at the end
	flagTask                            // not a script function but a task
	flagStop                            // the end of the run
	flagChunk                           // code of eval or call!, on its caller's registers
	flagConst                           // `this` is a constant
	flagCallback                        // called by the task below
	flagBack                            // `this` is a variable of the caller's: frame.back
)

// instance is a program together with the state of one run of it.
type instance struct {
	prog   *code.Program
	caches []siteCache
	env    *environment
}

// environment is a module's own global state.
type environment struct {
	globals map[string]value.Value
	imports map[string]value.Value
	exports []exported
}

func (e *environment) reset() {
	clear(e.globals)
	clear(e.imports)
	clear(e.exports)
	e.exports = e.exports[:0]
}

func (e *environment) visit(m *value.Marker) {
	for _, v := range e.globals {
		m.Visit(v)
	}
	for _, x := range e.exports {
		m.Visit(x.v)
	}
	for _, v := range e.imports {
		m.Visit(v)
	}
}

type exported struct {
	name string
	v    value.Value
}

// siteCache remembers what was found at a site the last time.
type siteCache struct {
	hint value.KeyHint
	fn   *native.Func
}

// dynVar is a variable that eval declared.
type dynVar struct {
	name    string
	v       value.Value
	isConst bool
	depth   int32 // frame whose scope it is in
}

const (
	fuelSlice  = 10_000
	firstStack = 1024
)

// New makes a machine.
func New() *VM {
	vm := &VM{stack: make([]value.Value, firstStack), frames: make([]frame, 16)}
	vm.Heap.Recount, vm.Heap.Meter = vm.recount, vm
	vm.Heap.Trip = func() { vm.tripped = true; vm.endSlice() }
	return vm
}

// endSlice makes the next check happen at the next billed operation.
func (vm *VM) endSlice() {
	vm.spent += vm.slice - vm.fuel
	vm.slice, vm.fuel = 0, 0
}

// Operations is the number of operations billed so far in this run.
func (vm *VM) Operations() int64 { return vm.spent + vm.slice - vm.fuel }

// Execute runs program p from the top, with the values of its globals, and
// then, when fn is not nil, that function of it with args. It returns the
// value of what ran last. It must stand between Begin and End.
func (vm *VM) Execute(p *code.Program, globals []value.Value, fn *code.Func, args []value.Value) (v value.Value, err *value.Error) {
	if !vm.refuel() {
		return value.Unit, vm.err
	}
	vm.inst = vm.instanceOf(p)
	for i, g := range globals {
		vm.stack[i] = g.Share()
	}
	vm.held = args
	if v, err = vm.runFunc(p.Main, 0); err != nil || fn == nil || vm.exit {
		return v, err
	}
	for i, a := range args {
		vm.stack[i] = a.Share()
	}
	return vm.runFunc(fn, 0)
}

// Begin prepares a run. Values may be made from here on; they are charged to
// the run and are valid until End.
func (vm *VM) Begin(ctx context.Context, cfg Config) {
	vm.ctx, vm.cfg = ctx, cfg
	vm.Heap.Reset()
	vm.Heap.Limit, vm.Heap.Sizes = cfg.Limits.Memory, cfg.Limits.Sizes
	vm.fuel, vm.slice, vm.spent, vm.tripped = 0, 0, 0, false
	vm.err, vm.caught, vm.exit, vm.result = nil, nil, false, value.Unit
	vm.depth, vm.base, vm.high = 0, 0, 0
	vm.exts, vm.dyn = vm.exts[:0], vm.dyn[:0]
	vm.modules, vm.nmods = nil, 0
	vm.maxDepth, vm.evals = cfg.Limits.CallLevels, 0
	vm.call.Env, vm.call.Heap = vm, &vm.Heap
}

// End drops what the run has left behind, so that it can be collected.
func (vm *VM) End() {
	clear(vm.stack[:min(max(vm.high, vm.base)+256, len(vm.stack))])
	clear(vm.frames)
	clear(vm.exts[:cap(vm.exts)])
	clear(vm.dyn[:cap(vm.dyn)])
	vm.modules, vm.inst, vm.fn, vm.held = nil, nil, nil, nil
	vm.ctx, vm.cfg = nil, Config{}
	vm.err, vm.caught, vm.result, vm.leaf = nil, nil, value.Unit, value.Unit
	if i := vm.last; i != nil {
		i.env.reset()
		for at := range i.caches {
			i.caches[at].hint.Forget()
		}
	}
	vm.call.Recv, vm.call.Rest, vm.call.Result = nil, nil, value.Unit
	if len(vm.stack) > 64*firstStack {
		vm.stack = make([]value.Value, firstStack)
	}
}

// runFunc runs fn with its arguments in place at stack index base.
func (vm *VM) runFunc(fn *code.Func, base int) (value.Value, *value.Error) {
	vm.depth = 0
	vm.frames[0] = frame{fn: fn, inst: vm.inst, base: int32(base), flags: flagStop}
	vm.fn, vm.base, vm.pc = fn, base, 0
	if !vm.room(base, fn) {
		return value.Unit, vm.err
	}
	if fn.ThisReg >= 0 {
		vm.stack[base+fn.ThisReg] = value.Unbound()
	}
	vm.fuel -= int64(fn.Cost)
	if vm.fuel < 0 && !vm.refuel() {
		return value.Unit, vm.err
	}
	vm.loop()
	if vm.err != nil {
		return value.Unit, vm.err
	}
	return vm.result, nil
}

// maxStack bounds the register stack, in values: 16 MiB.
const maxStack = 1 << 20

// room makes sure that the stack holds fn's registers from base on.
func (vm *VM) room(base int, fn *code.Func) bool {
	need := base + 256
	if fn != nil && fn.NRegs > 256 {
		need = base + fn.NRegs
	}
	if fn != nil {
		vm.high = max(vm.high, base+max(fn.NRegs-256, 0))
	}
	if need <= len(vm.stack) {
		return true
	}
	if need > maxStack {
		return vm.fail(stackOverflow())
	}
	grown := make([]value.Value, max(need, 2*len(vm.stack)))
	copy(grown, vm.stack)
	vm.stack = grown
	return true
}

func stackOverflow() *value.Error {
	return value.Errorf(value.ErrStackOverflow, "too many nested calls")
}

// fail records err and returns false.
func (vm *VM) fail(err *value.Error) bool {
	vm.err = err
	return false
}

// failErr records any error; err must not be nil.
func (vm *VM) failErr(err error) bool {
	if e, ok := err.(*value.Error); ok {
		return vm.fail(e)
	}
	e := value.Errorf(value.ErrRuntime, "%s", err.Error())
	e.Cause = err
	e.Value = vm.Heap.NewString(err.Error())
	return vm.fail(e)
}

// refuel is called when a slice of operations is used up: it checks everything
// that is checked from time to time and starts the next slice.
func (vm *VM) refuel() bool {
	used := vm.slice - vm.fuel
	vm.spent += used
	vm.slice, vm.fuel = 0, 0
	next := int64(fuelSlice)
	if vm.cfg.Sample != nil {
		if used > 0 {
			vm.cfg.Sample(vm.fn, vm.pc, used)
		}
		next = 0
	}
	if limit := vm.cfg.Limits.Operations; limit > 0 {
		left := limit - vm.spent
		if left < 0 {
			return vm.fail(value.Errorf(value.ErrTooManyOps, "too many operations: the limit is %d", limit))
		}
		next = min(next, left)
	}
	if vm.cfg.Slice != nil && used > 0 {
		vm.cfg.Slice()
	}
	if vm.ctx.Err() != nil {
		e := value.Errorf(value.ErrTerminated, "stopped: %s", context.Cause(vm.ctx))
		e.Cause = context.Cause(vm.ctx)
		return vm.fail(e)
	}
	if vm.tripped {
		vm.tripped = false
		if err := vm.Heap.Check(); err != nil {
			return vm.failErr(err)
		}
	}
	vm.slice, vm.fuel = next, next
	return true
}

// nextSlice starts the next slice and goes on at pc.
func (vm *VM) nextSlice(pc int32) status {
	if !vm.refuel() {
		return failed
	}
	vm.pc = int(pc)
	return next
}

// spend bills n operations.
func (vm *VM) spend(n int64) bool {
	vm.fuel -= n
	return vm.fuel >= 0 || vm.refuel()
}

// instanceOf gives the state of the main program. The machine keeps that of
// the program it ran last, whose caches are still right.
func (vm *VM) instanceOf(p *code.Program) *instance {
	if i := vm.last; i != nil && i.prog == p {
		return i
	}
	i := vm.last
	if i == nil {
		i = &instance{env: &environment{}}
		vm.last = i
	}
	// Nothing of the run before refers to it any more.
	i.prog = p
	if n := len(p.Sites); n <= cap(i.caches) {
		clear(i.caches)
		i.caches = i.caches[:n]
	} else {
		i.caches = make([]siteCache, n)
	}
	return i
}

// recount is the heap's: the size of all that the machine can reach.
func (vm *VM) recount() int64 {
	m := vm.Heap.NewMarker()
	top := vm.base + 256
	if vm.fn != nil {
		top = vm.base + max(vm.fn.NRegs, 1) + 8
	}
	for _, v := range vm.stack[:min(top, len(vm.stack))] {
		m.Visit(v)
	}
	for i := range vm.exts {
		vm.exts[i].visit(m)
	}
	for _, d := range vm.dyn {
		m.Visit(d.v)
	}
	vm.last.env.visit(m)
	for _, v := range vm.modules {
		m.Visit(v)
	}
	m.Visit(vm.result)
	for _, v := range vm.held {
		m.Visit(v)
	}
	return m.Size()
}

func (vm *VM) compileOptions() compile.Options {
	return compile.Options{
		Registry: vm.cfg.Registry, MaxVariables: vm.cfg.Limits.Variables, Sized: vm.cfg.Limits.Sizes != value.Sizes{},
	}
}
