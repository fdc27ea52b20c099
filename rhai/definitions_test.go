package rhai_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/rhai"
)

func definitionFiles(e *rhai.Engine) map[string]string {
	files := map[string]string{}
	for _, f := range e.Definitions() {
		files[f.Name] = f.Text
	}
	return files
}

func TestDefinitions(t *testing.T) {
	point := rhai.NewObjectType("point")
	nothing := func(*rhai.Call) error { return nil }
	files := definitionFiles(rhai.New(rhai.Config{
		Global: rhai.NewModule("").
			Func("plot", []rhai.Type{point, rhai.NumberType, rhai.NumberType}, nothing, "draws\na point").
			Getter(point, "x", nothing).
			IndexGet(point, rhai.IntType, nothing),
		Modules: []*rhai.Module{
			rhai.NewModule("geo").Func("at", []rhai.Type{rhai.StringType, rhai.StringType, rhai.AnyType}, nothing).Const("ZERO", 0),
			rhai.NewModule("geo::earth").Const("NAME", "earth"),
		},
	}))
	if want := `module geo;

const ZERO: int;

fn at(text: String, text2: String, value: ?) -> ?;

module earth {

	const NAME: String;
}
`; files["geo.d.rhai"] != want {
		t.Errorf("geo.d.rhai:\n%s\nwant:\n%s", files["geo.d.rhai"], want)
	}
	static := files["__static__.d.rhai"]
	for _, want := range []string{
		"module static;\n",
		"\n/// draws\n/// a point\nfn plot(point: point, value: int | float, value2: int | float) -> ?;\n",
		"\nfn get x(point: point) -> ?;\n",
		"/// The value as text.\nfn to_string(x: ?) -> ?;\n",
	} {
		if !strings.Contains(static, want) {
			t.Errorf("__static__.d.rhai lacks %q", want)
		}
	}
	for _, not := range []string{"$", "fn index(", "fn index ", "fn +", "fn =="} {
		if strings.Contains(static, not) {
			t.Errorf("__static__.d.rhai contains %q", not)
		}
	}
	if len(files) != 3 {
		t.Errorf("%d files, want 3", len(files))
	}
}

// TestDefinitionsAreWellFormed holds every line to the form that editors read.
func TestDefinitionsAreWellFormed(t *testing.T) {
	const name, typ = `[A-Za-z_]\w*`, `(\?|\(\)|[A-Za-z_]\w*)`
	param := `(\.\.\.)?` + name + `: ` + typ + `( \| ` + typ + `)*`
	form := regexp.MustCompile(`^(|module (static|` + name + `);|/// .*|const ` + name + `: ` + typ + `;|fn (get |set )?` + name +
		`\((` + param + `(, ` + param + `)*)?\)( -> ` + typ + `)?;)$`)
	for _, f := range rhai.New(rhai.Config{}).Definitions() {
		for line := range strings.Lines(f.Text) {
			if line = strings.TrimSuffix(line, "\n"); !form.MatchString(line) {
				t.Errorf("%s: %q", f.Name, line)
			}
		}
		if !slices.Contains(strings.Split(f.Text, "\n"), "module static;") {
			t.Errorf("%s does not say what it describes", f.Name)
		}
	}
}
