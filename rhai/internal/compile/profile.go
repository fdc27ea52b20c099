package compile

import (
	"github.com/picloud/picloud/rhai/internal/code"
	"github.com/picloud/picloud/rhai/internal/syntax"
)

// bill makes the statement that is compiled next pay for itself, when it is
// reached, by a Loop instruction that leads to the one after it. The function
// returned must be called at the end of the statement. What is nested in the
// statement pays for itself in the same way, and the function and its loops
// are left with nothing but the cost of being entered.
func (f *fnState) bill(s syntax.Stmt) func() {
	if s == nil {
		return func() {}
	}
	at := f.emit(code.Loop, 0, 0, 0, int32(f.here()+1), s.Pos())
	outer := f.cost
	f.cost = 0
	return func() {
		own := min(f.cost, 1<<16-1)
		f.fn.Code[at] = code.Make(code.Loop, 0, uint8(own), uint8(own>>8), f.fn.Code[at].D())
		f.cost = outer
	}
}
