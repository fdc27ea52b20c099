package syntax

// Op is an operator of a Unary, Binary or Assign node.
type Op uint8

// Operators. An assignment `a += b` carries OpAdd.
const (
	OpNone Op = iota
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMod
	OpPow
	OpShl
	OpShr
	OpBitAnd
	OpBitOr
	OpBitXor
	OpEq
	OpNe
	OpLt
	OpLe
	OpGt
	OpGe
	OpAnd
	OpOr
	OpCoalesce
	OpIn
	OpNotIn
	OpRange
	OpRangeIncl
	OpNeg
	OpPlus
	OpNot
)

var opText = [...]string{
	OpNone: "=", OpAdd: "+", OpSub: "-", OpMul: "*", OpDiv: "/", OpMod: "%", OpPow: "**", OpShl: "<<", OpShr: ">>",
	OpBitAnd: "&", OpBitOr: "|", OpBitXor: "^", OpEq: "==", OpNe: "!=", OpLt: "<", OpLe: "<=", OpGt: ">", OpGe: ">=",
	OpAnd: "&&", OpOr: "||", OpCoalesce: "??", OpIn: "in", OpNotIn: "!in", OpRange: "..", OpRangeIncl: "..=",
	OpNeg: "-", OpPlus: "+", OpNot: "!",
}

// String is the operator as it is written in a script.
func (op Op) String() string { return opText[op] }
