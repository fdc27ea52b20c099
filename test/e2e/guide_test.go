package e2e

import (
	"os"
	"regexp"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// guideFile is a block of a guide that is a file: its first line names it.
var guideFile = regexp.MustCompile("(?s)```(?:toml|rhai)\n(?://|#) ([a-z-]+\\.(?:toml|rhai))\n(.*?)```")

// guide writes the files that a guide shows to where the user is, below a
// folder: what people read is what runs.
func (u *user) guide(name, folder string) {
	u.t.Helper()
	text, err := os.ReadFile(testenv.Path(u.t, "docs", "guides", name))
	if err != nil {
		u.t.Fatal(err)
	}
	files := guideFile.FindAllStringSubmatch(string(text), -1)
	if len(files) == 0 {
		u.t.Fatalf("%s shows no file", name)
	}
	for _, f := range files {
		u.write(folder+"/"+f[1], f[2])
	}
}

// TestGuideFiles makes sure that the reader of guides finds something.
func TestGuideFiles(t *testing.T) {
	t.Parallel()
	got := guideFile.FindAllStringSubmatch("a\n```rhai\n// a.rhai\nx\n```\n```js\n// b.js\n```\n```toml\n# picloud.toml\ny\n```\n```rhai\n1\n```\n", -1)
	if len(got) != 2 || got[0][1] != "a.rhai" || got[0][2] != "x\n" || got[1][1] != "picloud.toml" {
		t.Errorf("%q", got)
	}
}
