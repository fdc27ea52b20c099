// Package code is what the compiler makes and the machine runs: instructions,
// functions and programs.
//
// # Registers
//
// A function sees a window of 256 registers. Its parameters come first, then
// `this` if it uses it, then locals and temporaries as a stack. The arguments
// of a call are the caller's topmost registers and become the callee's lowest,
// so nothing is copied. Locals that do not fit are "far": slots past the
// window, loaded and stored one at a time.
package code

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// Instr is one instruction: an operation and its operands A, B, C and D. It is
// one machine word, so that the loop reads it once and has all of it.
type Instr uint64

// Make makes an instruction.
func Make(op Op, a, b, c uint8, d int32) Instr {
	return Instr(op) | Instr(a)<<8 | Instr(b)<<16 | Instr(c)<<24 | Instr(uint32(d))<<32
}

func (in Instr) Op() Op   { return Op(in) }
func (in Instr) A() uint8 { return uint8(in >> 8) }
func (in Instr) B() uint8 { return uint8(in >> 16) }
func (in Instr) C() uint8 { return uint8(in >> 24) }
func (in Instr) D() int32 { return int32(in >> 32) }

// BC is the operands B and C as one number, C being the high half.
func (in Instr) BC() uint16 { return uint16(in >> 16) }

// Program is a compiled source text. It is immutable and safe for concurrent
// use by any number of machines.
type Program struct {
	Name   string // of the source, for messages; may be ""
	Source string
	Main   *Func
	// Funcs holds all functions and closures; Call refers to it by index.
	Funcs []*Func
	// ByName finds script functions that can be called by name.
	ByName map[FnKey]*Func
	Sites  []Site
	Paths  []Path
	Shapes [][]string // sorted keys of map literals
	Tables []SwitchTable
	Scopes []Scope
	Errors []*value.Error
	// Defs are the definitions in the order of the source, for metadata. They
	// have bodies only when something may be compiled again at run time.
	Defs []*syntax.FnDef
	// Values are second places of instructions: of the assignment to an
	// element, of the import statement.
	Values map[Place]syntax.Pos
	// Parts are the places of the operands of literals, by the instruction
	// that makes the value, where sizes are limited.
	Parts map[Place][]syntax.Pos
}

// Place is an instruction: the one before PC.
type Place struct {
	Fn *Func
	PC int
}

// FnKey names a script function: overloads differ by number of parameters.
type FnKey struct {
	This   string // type of a typed method, or ""
	Name   string
	Params int
}

// Func is one compiled function.
type Func struct {
	Name    string
	Params  []string // curried captures first, for closures
	NRegs   int      // registers and far locals used; never less than the parameters
	ThisReg int      // register of `this`, or -1 when the function does not use it
	Cost    int32    // operations billed at entry
	Code    []Instr
	Pos     []syntax.Pos // of each instruction
	Consts  []value.Value
	Tries   []Try
	// Captures lists, for a closure, the variables of the enclosing function:
	// registers to be made cells and passed as the first arguments.
	Captures []Capture
	Early    Early
	Prog     *Program
	Def      *syntax.FnDef // nil for closures and the main program
	// Anonymous is set for closures, Chunk for the code of eval and call!,
	// which runs on its caller's registers.
	Anonymous, Chunk bool
	// HasEval is set when variables may be declared by name at run time.
	HasEval bool
}

// Early says for which integers as its first argument a function returns at
// once, and what: Result when Set, the argument otherwise. They are the Span
// numbers from From on, as unsigned numbers; the zero value is none.
type Early struct {
	From, Span uint64
	Set        bool
	Result     int64
}

// Capture is one variable that a closure captures.
type Capture struct {
	Name string
	Reg  uint8
	Far  int32 // far slot, or -1
	// Const: the variable is a constant. Copy: the closure gets its value.
	Const, Copy bool
	// Missing: there is no such variable, which is an error where the closure
	// is written.
	Missing bool
	// Dynamic: the variable must be looked for by name at run time, among
	// those that eval declared after the number in register Mark (-1: all).
	Dynamic bool
	Mark    int16
	Pos     syntax.Pos
}

// Try is a protected range of instructions: an error raised at pc with From <=
// pc < To continues at Handler, with the error in R[Reg].
type Try struct {
	From, To, Handler int32
	Outer             int32 // the Try around this one in Func.Tries, or -1
	Reg               uint8
}

// Site describes the call, property or module access of one instruction.
type Site struct {
	Name   string
	Path   []string // module path
	PathAt []syntax.Pos
	NArgs  int // arguments, the receiver included for methods
	// Natives are the overloads of that name and number of arguments.
	Natives []*native.Func
	// Getter and Setter overloads of a property.
	Getter, Setter []*native.Func
	// Script is the script's own function: for Method, one whose `this` is the
	// receiver.
	Script *Func
	// Typed are the script's methods of that name for a type.
	Typed map[string]*Func
	// Const: the receiver is a constant. ThisRecv: it is `this`. Temp: it is a
	// temporary.
	Const, ThisRecv, Temp bool
	// MethodStyle: written x.f().
	MethodStyle bool
	Keyword     Keyword
	Scope       int32
	Root        string // the receiver variable's name, for messages
}

// Keyword marks method names that the machine itself implements.
type Keyword uint8

const (
	NoKeyword Keyword = iota
	KeyCall
	KeyCurry
	KeyIsShared
	KeyTake
	KeyTypeOf
	KeyTag
)

// Path leads from a variable to a place inside it: x.a[i].b.
type Path struct {
	Root  Root
	Reg   uint8
	Far   int32
	Name  string // the root variable's name
	Const bool
	Pos   syntax.Pos // of the root
	Steps []PathStep
	Site  int32 // the method's site, for PathCall
}

// Root says what a path starts from.
type Root uint8

const (
	RootReg  Root = iota // a register, not a cell
	RootVar              // a register that may hold a cell
	RootThis             // `this`
	RootTemp             // a temporary; changes to it are lost
)

// PathStep is one step of a path.
type PathStep struct {
	Prop  bool
	Elvis bool
	Name  string
	Reg   uint8
	Site  int32      // the property's site: getters and setters of host types
	Pos   syntax.Pos // where errors about the step are reported
	IdxAt syntax.Pos // of the index expression
}

// SwitchTable finds the arm of a switch for a value.
type SwitchTable struct {
	// Ints is a dense table for integers from Base, 0 meaning no arm.
	Base  int64
	Ints  []int32
	Exact map[SwitchKey]int32
	// Other is where values go that no exact case matches.
	Other int32
	// Longest is the length of the longest string among the cases, in bytes.
	Longest int
}

// SwitchKey is a value as switch compares it: by type and content.
type SwitchKey struct {
	Kind value.Kind
	Bits uint64
	Text string
}

// Scope is the variables that are visible at one place.
type Scope struct {
	// Last is the innermost of Len variables, each of which knows the next.
	Last *ScopeVar
	Len  int
	// NRegs is the first register that is free there.
	NRegs   int
	ThisReg int
	Fn      *Func
	Bang    *syntax.FnDef // for call!: the function
	// Top is set outside of all functions and blocks, where constants are
	// those of global::.
	Top bool
}

// ScopeVar is one visible variable.
type ScopeVar struct {
	Name   string
	Reg    uint8
	Far    int32 // or -1
	Const  bool
	Module bool
	Mark   int16 // see DynLoad; -1 for none
	Outer  *ScopeVar
}

// Vars lists the variables, outermost first.
func (s *Scope) Vars() []*ScopeVar {
	list := make([]*ScopeVar, s.Len)
	for v, i := s.Last, s.Len-1; i >= 0; v, i = v.Outer, i-1 {
		list[i] = v
	}
	return list
}
