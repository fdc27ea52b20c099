package executor

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// TestCheckWarns lists scripts that can be deployed but hold a mistake, and
// some that hold none although they look a little like it.
func TestCheckWarns(t *testing.T) {
	t.Parallel()
	e := New(Config{})
	for _, c := range []struct {
		source, want string
		line         int
	}{
		{"fn handle(req) {\n  jsn(req.path)\n}", "did you mean `json`?", 2},
		{"fn handle(req) { json(req.path, 200, 3, 4, 5) }", "`json` takes", 1},
		{"fn handle(req) {\n  base64::encod(req.body)\n}", "did you mean `base64::encode`?", 2},
		{"fn handle(req) { helper(1) }\nfn helper(x) { 1 }", "the parameter `x` is never used", 2},
		{"let count = 0;\nfn handle(req) { count }", "no variable `count` here", 2},
		{"fn handle(req) { log::info(\"a\"); time::now(); 1 }", "", 0},
		{"fn handle(req) { 1 }", "", 0},
		{"import \"other\" as other; fn handle(req) { other::anything(1) }", "", 0},
		{"json(#{ path: req.path, method: req.method })", "", 0},
	} {
		found := e.Check(c.source)
		if c.want == "" {
			if len(found) != 0 {
				t.Errorf("%s: %+v", c.source, found)
			}
			continue
		}
		if !picloud.Deployable(found) {
			t.Errorf("%s: a warning keeps it from being deployed: %+v", c.source, found)
		}
		i := 0
		for i < len(found) && !(strings.Contains(found[i].Message, c.want) && found[i].Line == c.line && found[i].SourceLine != "") {
			i++
		}
		if i == len(found) {
			t.Errorf("%s: nothing says %q in %+v", c.source, c.want, found)
		}
	}
}
