package rhai_test

import (
	"testing"

	"github.com/picloud/picloud/rhai"
)

// A property of an object that has no getter of that name is what its indexer
// says, as in native Rhai; a getter goes first.
func TestPropertiesFallBackToTheIndexer(t *testing.T) {
	t.Parallel()
	bag := rhai.NewObjectType("bag")
	global := rhai.NewModule("")
	global.Getter(bag, "size", func(c *rhai.Call) error { return c.Return(rhai.Int(2)) })
	global.IndexGet(bag, rhai.StringType, func(c *rhai.Call) error {
		name, _ := c.Arg(1).AsString()
		v, ok := c.Arg(0).Object().(map[string]int64)[name]
		if !ok {
			return c.Return(rhai.Unit())
		}
		return c.Return(rhai.Int(v))
	})
	global.IndexSet(bag, rhai.StringType, rhai.IntType, func(c *rhai.Call) error {
		name, _ := c.Arg(1).AsString()
		n, _ := c.Arg(2).AsInt()
		c.Arg(0).Object().(map[string]int64)[name] = n
		return nil
	})
	engine := rhai.New(rhai.Config{Global: global})
	for source, want := range map[string]int64{
		`fn f(b) { b.apples }`:                          3,
		`fn f(b) { b["apples"] }`:                       3,
		`fn f(b) { b.size }`:                            2,
		`fn f(b) { b.pears = 4; b.pears + b.apples }`:   7,
		`fn f(b) { if b.plums == () { 1 } else { 0 } }`: 1,
	} {
		prog, err := engine.Compile("test", source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = engine.NewVM().Run(t.Context(), rhai.Run{
			Program: prog, Func: "f",
			Args: func(vm *rhai.VM) ([]rhai.Value, error) {
				v, err := vm.Object(bag, map[string]int64{"apples": 3, "size": 9}, 100)
				return []rhai.Value{v}, err
			},
		}, func(v rhai.Value) error {
			if n, ok := v.AsInt(); !ok || n != want {
				t.Errorf("%s = %v, want %d", source, v, want)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}
