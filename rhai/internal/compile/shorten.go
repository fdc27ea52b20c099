package compile

import "github.com/picloud/picloud/rhai/internal/code"

// maxHops bounds how far jumps to jumps are followed.
const maxHops = 8

// shorten makes jumps lead where they end up, and returns happen where the
// value is: `if` as a function's last expression then costs no jump, and a
// variable as its value no move. No instruction changes its place.
func (f *fnState) shorten() {
	ins := f.fn.Code
	for pc := len(ins) - 1; pc >= 0; pc-- {
		in := ins[pc]
		switch in.Op() {
		case code.Jump:
			to := f.landing(in.D())
			if end := ins[to]; end.Op() == code.Return {
				ins[pc] = end
			} else {
				ins[pc] = code.Make(code.Jump, 0, 0, 0, to)
			}
		case code.JumpFalse, code.JumpTrue, code.JumpUnit, code.JumpNotUnit,
			code.UnlessEq, code.UnlessNe, code.UnlessLt, code.UnlessLe, code.UnlessGt, code.UnlessGe,
			code.UnlessEqInt, code.UnlessNeInt, code.UnlessLtInt, code.UnlessLeInt, code.UnlessGtInt, code.UnlessGeInt:
			ins[pc] = code.Make(in.Op(), in.A(), in.B(), in.C(), f.landing(in.D()))
		case code.Move, code.Take:
			// The registers of a chunk are its caller's, who goes on using them.
			// There is a next instruction: the last one returns.
			if end := ins[pc+1]; end.Op() == code.Return && end.A() == in.A() && !f.fn.Chunk {
				ins[pc] = code.Make(code.Return, in.B(), 0, 0, 0)
			}
		}
	}
}

// landing is where a jump to pc ends up.
func (f *fnState) landing(pc int32) int32 {
	for range maxHops {
		in := f.fn.Code[pc]
		if in.Op() != code.Jump {
			break
		}
		pc = in.D()
	}
	return pc
}
