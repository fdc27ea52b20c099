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
	end := Instr{Op: Return}
	for _, tt := range []struct {
		name string
		code []Instr
		want string // part of the error; "" for none
	}{
		{"nothing but a return", []Instr{end}, ""},
		{"no code", nil, "runs off the end"},
		{"falls through", []Instr{{Op: LoadInt}}, "runs off the end"},
		{"falls through after a jump", []Instr{{Op: JumpFalse, D: 2}, end, {Op: Nop}}, "runs off the end"},
		{"dead code may end anyhow", []Instr{end, {Op: Nop}}, ""},
		{"a register too high", []Instr{{Op: Move, A: 4}, end}, "registers 4 to 4 of 4"},
		{"a second register too high", []Instr{{Op: Add, A: 0, B: 1, C: 9}, end}, "registers 9"},
		{"a constant too high", []Instr{{Op: LoadK, D: 2}, end}, "constant 2 of 2"},
		{"a jump outside", []Instr{{Op: Jump, D: 2}, end}, "jump to 2"},
		{"a jump before", []Instr{{Op: Jump, D: -1}, end}, "jump to -1"},
		{"a jump into operands", []Instr{{Op: Jump, D: 2}, {Op: InRange, D: 0}, {Op: Nop}, {Op: Nop}, end}, "is an operand"},
		{"missing operands", []Instr{end, {Op: InRange}}, "operands of inrange are missing"},
		{"a range end that is a string", []Instr{{Op: InRange}, {Op: Nop}, {Op: Nop, D: 1}, end}, "no integer"},
		{"a site too high", []Instr{{Op: GetProp, D: 1}, end}, "site 1 of 1"},
		{"arguments outside", []Instr{{Op: Method, A: 2, D: 0}, end}, "registers 2 to 4 of 4"},
		{"an array outside", []Instr{{Op: MakeArray, A: 1, D: 4}, end}, "registers 1 to 4 of 4"},
		{"a map outside", []Instr{{Op: MakeMap, A: 3, D: 0}, end}, "registers 3 to 4 of 4"},
		{"a far local that is near", []Instr{{Op: Far, D: 3}, end}, "far local 3"},
		{"a loop outside", []Instr{{Op: ForInt, A: 2, D: 0}, end}, "registers 2 to 4 of 4"},
		{"a function that is not there", []Instr{{Op: Call, B: 1}, end}, "function 0 of 0"},
		{"a table whose target is not there", []Instr{{Op: Switch}}, "jump to 1"},
		{"no such instruction", []Instr{{Op: opCount}, end}, "no such instruction"},
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
	p := program(Instr{Op: Nop}, Instr{Op: Return}, Instr{Op: Catch}, Instr{Op: Return})
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
