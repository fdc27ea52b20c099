package code

// Op is an operation code. R[x] is register x of the running function, K its
// constants, D the instruction's wide operand.
type Op uint8

// Hot operations: these have a case of their own in the machine's loop. Their
// order does not matter, but they must stay dense from 0, so that Go makes the
// loop's switch a jump table.
const (
	Nop Op = iota

	Move    // R[A] = R[B], which becomes reachable twice (marked shared)
	Take    // R[A] = R[B], B being dead after it
	LoadK   // R[A] = K[D]
	LoadInt // R[A] = D
	Load    // R[A] = (), false or true for D = 0, 1, 2

	// R[A] = R[B] op R[C]. D = 1 says that the script wrote `A op= C`.
	Add
	Sub
	Mul
	Div
	Mod
	// R[A] = R[B] op D. C = 1 says that the script wrote `A op= D`.
	AddInt
	SubInt
	MulInt
	ModInt
	// R[A] = R[B] op R[C], a bool.
	Eq
	Ne
	Lt
	Le
	Gt
	Ge

	Jump      // to D
	Loop      // to D, backwards; bills BC operations
	JumpFalse // to D if R[A] is false; R[A] must be a bool, or for B = 1 what ! makes one of
	JumpTrue  // to D if R[A] is true; as JumpFalse
	// To D unless R[A] op R[B].
	UnlessEq
	UnlessNe
	UnlessLt
	UnlessLe
	UnlessGt
	UnlessGe
	// To D unless R[A] op the signed 16-bit number BC.
	UnlessEqInt
	UnlessNeInt
	UnlessLtInt
	UnlessLeInt
	UnlessGtInt
	UnlessGeInt

	// ForInt steps an integer loop: R[A+1] is the current number, R[A+2] the
	// last one. Bills BC; jumps to D with R[A] = the next number, or falls
	// through.
	ForInt
	// ForNext steps any other loop: R[A+1] is what is iterated over, R[A+2]
	// the position. As ForInt.
	ForNext

	Index    // R[A] = R[B][R[C]], marked shared
	Borrow   // R[A] = R[B][R[C]], looked at by the next instruction only
	SetIndex // R[A][R[B]] = R[C]
	GetProp  // R[A] = R[B].name, site D, marked shared; C = 1: borrowed
	SetProp  // R[A].name = R[C], site D

	// CallEarly is Call of a function that has Early returns.
	CallEarly
	Call     // R[A] = function D of the program (R[A], R[A+1], …); B arguments
	Return   // R[A]
	Method   // R[A] = R[B].name(R[A+1], …), site D
	Native   // R[A] = name(R[B], R[A+1], …), site D; the receiver by reference
	LoadVar  // R[A] = the variable R[B], which may be a cell, marked shared
	StoreVar // the variable R[A], which may be a cell, = R[B] (moved)

	NeedThis // this must be bound
	PathSet  // path D = R[A]; B = 1 + op: path op= R[A]

	lastHot = PathSet
)

// Cold operations: the loop hands them to vm.cold.
const (
	Binary       Op = iota + lastHot + 1 // R[A] = R[B] (syntax.Op of D) R[C]
	Assign                               // R[A] (syntax.Op of D)= R[B]
	AssignVar                            // as Assign, R[A] may be a cell
	Unary                                // R[A] = (syntax.Op of D) R[B]
	NeedBool                             // R[A] must be a bool
	JumpUnit                             // to D if R[A] is ()
	JumpNotUnit                          // to D if R[A] is not ()
	MakeArray                            // R[A] = [R[A], …], D elements
	PushArray                            // R[A] += [R[B], …], D elements
	MakeMap                              // R[A] = #{…} of shape D with values R[A], …
	SetKey                               // R[A][K[D]] = R[B], of a map literal under construction
	Concat                               // R[A] = the text of R[A], …, D of them; C = 1: for the next instruction only, a look-up
	MakeRange                            // R[A] = R[B]..R[C]; D = 1: inclusive
	MakeFn                               // R[A] = closure of function D, capturing the variables R[B], …: see Func.Capture
	Cell                                 // make the variable R[A] a cell; D = 1: of a constant
	This                                 // R[A] = this; B = 1: borrowed
	SetThis                              // this = R[A]; B = 1 + op: this op= R[A]
	ForPrep                              // prepare the loop over R[A+1]; to D when there is nothing to iterate
	ForPrepRange                         // the same for R[A+1]..R[A+2]; B = 1: inclusive
	Switch                               // to the arm for R[A] in table D
	InRange                              // to D unless R[A] is in the range R[B]..R[C] of integers (constants by ranges table)
	PathCall                             // R[A] = path D .name(R[A+1], …)
	IsCell                               // R[A] = is_shared(R[B])
	Throw                                // R[A]
	Rethrow                              // throw; in a catch whose error is R[A]; B = 1: there is a value in R[A+1]
	Catch                                // R[A] = the error caught, as scripts see it; R[A+1] = a handle for Rethrow
	Fail                                 // raise the compile-time error D
	Far                                  // R[A] = far local D; B = 1: borrowed
	SetFar                               // far local D = R[A]
	Global                               // R[A] = global::K[D]
	SetGlobal                            // global::K[D] = R[A]
	ModVar                               // R[A] = module variable of site D; B = register of the module or 255
	ModCall                              // R[A] = call of site D with R[A], …; B = register of the module or 255
	Import                               // R[A] = module named R[A]; D = name to publish it under (K), or -1
	Export                               // export R[A] as K[D]
	CallFn                               // R[A] = call(R[A], R[A+1], …); B arguments
	Curry                                // R[A] = curry(R[A], R[A+1], …); B arguments
	NewFn                                // R[A] = Fn(R[A]); C = 1: of a function of this program, written as its name
	Eval                                 // R[A] = eval(R[A]) in scope D
	Bang                                 // R[A] = call! of site D in its scope; R[A]… are the arguments
	IsDefVar                             // R[A] = is_def_var(R[A]) in scope D
	IsDefFn                              // R[A] = is_def_fn(R[A], …), B arguments
	TypeOf                               // R[A] = type_of(R[B])
	Print                                // print(R[B]); C = 0: an empty line; A gets ()
	Debug                                // debug(R[B])
	Exit                                 // end the script with R[A]
	DynLoad                              // R[A] = variable K[D], by name: eval's first, else register B; C = 1: borrowed. The next word's A is the register with the number of eval's variables that are older than B, or 255
	DynStore                             // variable K[D] = R[A], found as by DynLoad; C: 0 assigned, 1 changed in place, 2 op-assigned, 3 a constant
	DynDeclare                           // declare K[D] = R[A]; B = 1: constant
	DynMark                              // R[A] = number of variables declared by eval
	DynTrim                              // forget those declared since R[A]
	DynReset                             // forget variables that eval declared in frames that have ended
	FnMeta                               // R[A] = get_fn_metadata_list(R[A], …), B arguments
	opCount
)

var opNames = [opCount]string{
	Nop: "nop", Move: "move", Take: "take", LoadK: "loadk", LoadInt: "loadint", Load: "load",
	Add: "add", Sub: "sub", Mul: "mul", Div: "div", Mod: "mod", AddInt: "addint", SubInt: "subint", MulInt: "mulint", ModInt: "modint",
	Eq: "eq", Ne: "ne", Lt: "lt", Le: "le", Gt: "gt", Ge: "ge",
	Jump: "jump", Loop: "loop", JumpFalse: "jumpfalse", JumpTrue: "jumptrue",
	UnlessEq: "unlesseq", UnlessNe: "unlessne", UnlessLt: "unlesslt", UnlessLe: "unlessle", UnlessGt: "unlessgt", UnlessGe: "unlessge",
	UnlessEqInt: "unlesseqint", UnlessNeInt: "unlessneint", UnlessLtInt: "unlessltint", UnlessLeInt: "unlessleint", UnlessGtInt: "unlessgtint", UnlessGeInt: "unlessgeint",
	ForInt: "forint", ForNext: "fornext", Index: "index", Borrow: "borrow", SetIndex: "setindex", GetProp: "getprop", SetProp: "setprop",
	CallEarly: "callearly", Call: "call", Return: "return", Method: "method", Native: "native", LoadVar: "loadvar", StoreVar: "storevar",
	Binary: "binary", Assign: "assign", AssignVar: "assignvar", Unary: "unary", NeedBool: "needbool", JumpUnit: "jumpunit", JumpNotUnit: "jumpnotunit",
	MakeArray: "makearray", PushArray: "pusharray", MakeMap: "makemap", SetKey: "setkey", Concat: "concat", MakeRange: "makerange", MakeFn: "makefn",
	Cell: "cell", This: "this", SetThis: "setthis", NeedThis: "needthis", ForPrep: "forprep", ForPrepRange: "forpreprange", Switch: "switch", InRange: "inrange",
	PathSet: "pathset", PathCall: "pathcall", IsCell: "iscell", Throw: "throw", Rethrow: "rethrow", Catch: "catch", Fail: "fail",
	Far: "far", SetFar: "setfar", Global: "global", SetGlobal: "setglobal", ModVar: "modvar", ModCall: "modcall", Import: "import", Export: "export",
	CallFn: "callfn", Curry: "curry", NewFn: "newfn", Eval: "eval", Bang: "bang", IsDefVar: "isdefvar", IsDefFn: "isdeffn",
	TypeOf: "typeof", Print: "print", Debug: "debug", Exit: "exit", DynLoad: "dynload", DynStore: "dynstore", DynDeclare: "dyndeclare", DynMark: "dynmark", DynTrim: "dyntrim", DynReset: "dynreset",
	FnMeta: "fnmeta",
}

// String is the operation's name in listings.
func (op Op) String() string {
	if op < opCount {
		return opNames[op]
	}
	return "op?"
}
