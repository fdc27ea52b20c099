package vm

import (
	"strings"

	"github.com/picloud/picloud/rhai/internal/compile"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// maxJSONNesting bounds machines made by parse_json for texts that call
// parse_json themselves.
const maxJSONNesting = 4

// ParseJSON reads text as native's parse_json does: as a script in which `{`
// starts a map. Strict JSON objects, the usual case, take a fast way with the
// same result.
func (vm *VM) ParseJSON(text string) (value.Value, error) {
	if strictJSON(text) {
		if v, err := value.ParseJSON(&vm.Heap, vm, []byte(text), 64); err == nil {
			return v, nil
		} else if e, ok := err.(*value.Error); ok && !e.Catchable() {
			return v, err
		}
	}
	if err := vm.Charge(len(text)); err != nil {
		return value.Unit, err
	}
	l := &vm.cfg.Limits
	file, err := syntax.ParseExpression(text, syntax.Options{
		MaxExprDepth: l.ExprDepth, MaxFnExprDepth: l.FnExprDepth, Json: true,
		MaxStringSize: l.Sizes.String, MaxArraySize: l.Sizes.Array, MaxMapSize: l.Sizes.Map,
	})
	if err != nil {
		e := parseError(err)
		e.NoPos = false
		if p, ok := err.(*syntax.Error); ok {
			e.Pos = p.Pos
		}
		return value.Unit, e
	}
	return vm.evalJSON(file)
}

// strictJSON reports whether the fast way may be tried: an object without the
// escapes on which JSON and scripts differ.
func strictJSON(text string) bool {
	t := strings.TrimLeft(text, " \t\r\n")
	if !strings.HasPrefix(t, "{") {
		return false
	}
	for {
		i := strings.IndexByte(t, '\\')
		if i < 0 || i+1 >= len(t) {
			return i < 0
		}
		if !strings.ContainsRune(`"\ntr`, rune(t[i+1])) {
			return false
		}
		t = t[i+2:]
	}
}

// evalJSON computes the one expression of file on a machine of its own, whose
// work and memory are billed to this one.
func (vm *VM) evalJSON(file *syntax.File) (value.Value, error) {
	if vm.nested >= maxJSONNesting {
		return value.Unit, stackOverflow()
	}
	prog, err := compile.File(file, vm.compileOptions())
	if err != nil {
		return value.Unit, parseError(err)
	}
	child := New()
	child.nested = vm.nested + 1
	cfg := vm.cfg
	if cfg.Limits.Operations > 0 {
		cfg.Limits.Operations = max(1, cfg.Limits.Operations-vm.Operations())
	}
	if cfg.Limits.Memory > 0 {
		cfg.Limits.Memory = max(1, cfg.Limits.Memory-vm.Heap.Used())
	}
	child.Begin(vm.ctx, cfg)
	defer child.End()
	v, fail := child.Execute(prog, nil, nil, nil)
	vm.Heap.Charge(int(child.Heap.Used()))
	if err := vm.Charge(int(child.Operations())); err != nil {
		return value.Unit, err
	}
	if fail != nil {
		return value.Unit, fail
	}
	if !v.Is(value.KMap) {
		e := value.Errorf(value.ErrMismatchOutput, "expected a JSON object, found %s", v.TypeName())
		e.Requested, e.Actual, e.Pos = "map", v.TypeName(), syntax.Pos{Line: 1, Col: 1}
		return value.Unit, e
	}
	return v, nil
}
