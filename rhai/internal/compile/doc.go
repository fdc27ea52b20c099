// Package compile turns a syntax tree into code.
//
// It works in two passes over each function. The first (resolve.go) finds out
// which variables closures capture, and which functions use `this`, eval or
// call!. The second (func.go, expr.go, chain.go, stmt.go, …) emits
// instructions, keeping locals and temporaries in registers as a stack.
//
// Names are looked up here, once: a variable becomes a register, a call of a
// script function its index, any other call a site with the overloads that
// could serve. Only functions that contain eval look variables up by name when
// they run.
package compile
