package code

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai/internal/syntax"
	"github.com/picloud/picloud/rhai/internal/value"
)

// program is a small correct one; its main function has four registers.
func program(ins ...Instr) *Program {
	p := &Program{Sites: []Site{{Name: "f", NArgs: 3}}, Paths: []Path{{Steps: []PathStep{{Prop: true}}}}, Shapes: [][]string{{"a", "b"}}}
	p.Main = &Func{Prog: p, NRegs: 4, ThisReg: -1, Code: ins, Pos: make([]syntax.Pos, len(ins)), Consts: []value.Value{value.Int(1), value.Static("x")}}
	p.Tables = []SwitchTable{{Other: 1, Exact: map[SwitchKey]int32{}}}
	return p
}

func TestVerify(t *testing.T) {
	end := Make(Return, 0, 0, 0, 0)
	for _, tt := range []struct {
		name string
		code []Instr
		want string // part of the error; "" for none
	}{
		{"nothing but a return", []Instr{end}, ""},
		{"no code", nil, "runs off the end"},
		{"falls through", []Instr{Make(LoadInt, 0, 0, 0, 0)}, "runs off the end"},
		{"falls through after a jump", []Instr{Make(JumpFalse, 0, 0, 0, 2), end, Make(Nop, 0, 0, 0, 0)}, "runs off the end"},
		{"dead code may end anyhow", []Instr{end, Make(Nop, 0, 0, 0, 0)}, ""},
		{"a register too high", []Instr{Make(Move, 4, 0, 0, 0), end}, "registers 4 to 4 of 4"},
		{"a second register too high", []Instr{Make(Add, 0, 1, 9, 0), end}, "registers 9"},
		{"a constant too high", []Instr{Make(LoadK, 0, 0, 0, 2), end}, "constant 2 of 2"},
		{"a jump outside", []Instr{Make(Jump, 0, 0, 0, 2), end}, "jump to 2"},
		{"a jump before", []Instr{Make(Jump, 0, 0, 0, -1), end}, "jump to -1"},
		{"a jump into operands", []Instr{Make(Jump, 0, 0, 0, 2), Make(InRange, 0, 0, 0, 0), Make(Nop, 0, 0, 0, 0), Make(Nop, 0, 0, 0, 0), end}, "is an operand"},
		{"missing operands", []Instr{end, Make(InRange, 0, 0, 0, 0)}, "operands of inrange are missing"},
		{"a range end that is a string", []Instr{Make(InRange, 0, 0, 0, 0), Make(Nop, 0, 0, 0, 0), Make(Nop, 0, 0, 0, 1), end}, "no integer"},
		{"a site too high", []Instr{Make(GetProp, 0, 0, 0, 1), end}, "site 1 of 1"},
		{"arguments outside", []Instr{Make(Method, 2, 0, 0, 0), end}, "registers 2 to 4 of 4"},
		{"an array outside", []Instr{Make(MakeArray, 1, 0, 0, 4), end}, "registers 1 to 4 of 4"},
		{"a map outside", []Instr{Make(MakeMap, 3, 0, 0, 0), end}, "registers 3 to 4 of 4"},
		{"a far local that is near", []Instr{Make(Far, 0, 0, 0, 3), end}, "far local 3"},
		{"a loop outside", []Instr{Make(ForInt, 2, 0, 0, 0), end}, "registers 2 to 4 of 4"},
		{"a function that is not there", []Instr{Make(Call, 0, 1, 0, 0), end}, "function 0 of 0"},
		{"a table whose target is not there", []Instr{Make(Switch, 0, 0, 0, 0)}, "jump to 1"},
		{"no such instruction", []Instr{Make(opCount, 0, 0, 0, 0), end}, "no such instruction"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Verify(program(tt.code...))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestVerifyTries(t *testing.T) {
	p := program(Make(Nop, 0, 0, 0, 0), Make(Return, 0, 0, 0, 0), Make(Catch, 0, 0, 0, 0), Make(Return, 0, 0, 0, 0))
	for _, tt := range []struct {
		tries []Try
		ok    bool
	}{
		{[]Try{{From: 0, To: 1, Handler: 2, Outer: -1}}, true},
		{[]Try{{From: 0, To: 1, Handler: 4, Outer: -1}}, false},
		{[]Try{{From: 0, To: 1, Handler: 2, Outer: -1, Reg: 3}}, false},
		{[]Try{{From: 1, To: 0, Handler: 2, Outer: -1}}, false},
		{[]Try{{From: 0, To: 1, Handler: 2, Outer: 1}, {From: 0, To: 2, Handler: 2, Outer: -1}}, true},
		{[]Try{{From: 0, To: 1, Handler: 2, Outer: 1}, {From: 1, To: 2, Handler: 2, Outer: -1}}, false},
		{[]Try{{From: 0, To: 2, Handler: 2, Outer: -1}, {From: 0, To: 1, Handler: 2, Outer: -1}}, false},
	} {
		p.Main.Tries = tt.tries
		if err := Verify(p); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.tries, err)
		}
	}
}

// TestLayout makes sure that no operation was forgotten.
func TestLayout(t *testing.T) {
	for op := range opCount {
		if len(layout[op].regs) != 3 || opNames[op] == "" {
			t.Errorf("operation %d, %s, is not described", op, op)
		}
	}
}
