package compile

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/code"
)

// early has calls of functions that begin with the end of a recursion
// (`if n < 2 { return n; }`) look at the argument first: such a call then costs
// no frame.
func (c *compiler) early() {
	found := false
	for _, fn := range c.prog.Funcs {
		fn.Early = earlyReturn(fn)
		found = found || fn.Early.Span != 0
	}
	if !found {
		return
	}
	c.callEarly(c.prog.Main)
	for _, fn := range c.prog.Funcs {
		c.callEarly(fn)
	}
}

// callEarly has the calls of a function look for early returns.
func (c *compiler) callEarly(fn *code.Func) {
	for pc, in := range fn.Code {
		if in.Op() == code.Call && c.prog.Funcs[in.D()].Early.Span != 0 {
			fn.Code[pc] = code.Make(code.CallEarly, in.A(), in.B(), in.C(), in.D())
		}
	}
}

// earlyReturn is when a function does nothing but compare its first parameter
// with a number and return.
func earlyReturn(fn *code.Func) code.Early {
	if fn.ThisReg >= 0 || len(fn.Params) == 0 || len(fn.Tries) > 0 || len(fn.Code) < 2 || fn.Code[0].A() != 0 {
		return code.Early{}
	}
	in := fn.Code[0]
	k := int64(int16(in.BC()))
	const least, most = math.MinInt64, math.MaxInt64
	var lo, hi int64 // where the comparison holds
	switch in.Op() {
	case code.UnlessEqInt:
		lo, hi = k, k
	case code.UnlessLtInt:
		lo, hi = least, k-1
	case code.UnlessLeInt:
		lo, hi = least, k
	case code.UnlessGtInt:
		lo, hi = k+1, most
	case code.UnlessGeInt:
		lo, hi = k, most
	default:
		return code.Early{}
	}
	if e, ok := returned(fn, 1); ok {
		return within(e, lo, hi)
	}
	e, ok := returned(fn, int(in.D()))
	switch {
	case !ok:
		return code.Early{}
	case lo == least:
		return within(e, hi+1, most)
	case hi == most:
		return within(e, least, lo-1)
	}
	return code.Early{}
}

// returned is what the code at pc returns, if it does nothing else.
func returned(fn *code.Func, pc int) (code.Early, bool) {
	in := fn.Code[pc]
	switch {
	case in.Op() == code.Return && in.A() == 0:
		return code.Early{}, true
	case in.Op() == code.LoadInt && fn.Code[pc+1].Op() == code.Return && fn.Code[pc+1].A() == in.A():
		return code.Early{Set: true, Result: int64(in.D())}, true
	}
	return code.Early{}, false
}

// within is e for the numbers from lo to hi.
func within(e code.Early, lo, hi int64) code.Early {
	e.From, e.Span = uint64(lo), uint64(hi)-uint64(lo)+1
	return e
}
