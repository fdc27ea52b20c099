package value

import "github.com/picloud/picloud/rhai/internal/syntax"

// Unary computes `op v` for `-`, `+` and `!`. v must be plain. It returns
// ErrNoOperator when the language has no such operator for v's type.
func Unary(op syntax.Op, v Value) (Value, error) {
	switch {
	case op == syntax.OpNot && v.IsBool():
		return Bool(!v.Bool()), nil
	case op == syntax.OpNeg && v.IsInt():
		if v.Int() == minInt {
			return Value{}, Arithmetic("integer overflow: -(%d) does not fit 64 bits", v.Int())
		}
		return Int(-v.Int()), nil
	case op == syntax.OpNeg && v.IsFloat():
		return Float(-v.Float()), nil
	case op == syntax.OpPlus && (v.IsInt() || v.IsFloat()):
		return v, nil
	}
	return Value{}, ErrNoOperator
}
