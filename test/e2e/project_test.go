package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

// TestProjectIsDeployedAsAWhole deploys a folder with two scripts to an app of
// its own, changes it, and looks before it leaps.
func TestProjectIsDeployedAsAWhole(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	shop := host("shop.localhost")
	u.write("shop/picloud.toml", `
app = "shop"

[[scripts]]
file = "orders.rhai"
routes = ["GET /orders/{id}", "GET /orders"]
env = { CURRENCY = "EUR" }

[[scripts]]
name = "about"
file = "pages/about.rhai"
`)
	u.write("shop/orders.rhai", `
fn handle(req) {
    if req.params.id == () { return []; }
    #{ id: req.params.id, currency: env::get("CURRENCY") }
}`)
	u.write("shop/pages/about.rhai", `html("<h1>About</h1>")`)

	u.fails(failed, []string{"deploy", "shop"}, "picloud apps create shop")
	u.run("apps", "create", "shop")
	if plan := u.run("deploy", "shop", "--dry-run"); !strings.Contains(plan, "orders") || !strings.Contains(plan, "GET /orders/{id}") {
		t.Errorf("the dry run does not say what would be new:\n%s", plan)
	}
	if a := do(t, http.MethodGet, s.public+"/about", "", shop); a.status != 404 {
		t.Errorf("after the dry run GET /about = %s, want 404", a)
	}

	u.run("deploy", "shop")
	for path, want := range map[string]string{
		"/orders/7": `{"currency":"EUR","id":"7"}`,
		"/orders":   `[]`,
		"/about":    `<h1>About</h1>`,
	} {
		if a := do(t, http.MethodGet, s.public+path, "", shop); a.status != 200 || a.body != want {
			t.Errorf("GET %s = %s, want %s", path, a, want)
		}
	}
	if a := do(t, http.MethodGet, s.public+"/about", ""); a.status != 404 {
		t.Errorf("GET /about of the default app = %s, want 404: apps are apart", a)
	}

	u.edit("shop/picloud.toml", "EUR", "CHF")
	u.write("shop/pages/about.rhai", `html("<h1>")  ]`)
	u.fails(failed, []string{"deploy", "shop"}, "about.rhai:1:", "^")
	if a := do(t, http.MethodGet, s.public+"/orders/7", "", shop); !strings.Contains(a.body, "EUR") {
		t.Errorf("one script of two does not compile, and the other is live: %s", a)
	}
	u.write("shop/pages/about.rhai", `html("<h1>About us</h1>")`)
	plan := u.run("deploy", "shop", "--dry-run")
	for _, words := range []string{"orders", "CURRENCY", "about", "About us"} {
		if !strings.Contains(plan, words) {
			t.Errorf("the dry run does not tell of %s:\n%s", words, plan)
		}
	}
	u.run("deploy", "shop")
	if a := do(t, http.MethodGet, s.public+"/orders/7", "", shop); !strings.Contains(a.body, "CHF") {
		t.Errorf("after the second deploy GET /orders/7 = %s", a)
	}

	u.edit("shop/picloud.toml", `name = "about"`, `nmae = "about"`)
	u.fails(failed, []string{"deploy", "shop"}, "picloud.toml:10:1", "nmae")
}

// TestFilesAreChecked compiles without a deploy, and shows where a script is
// wrong.
func TestFilesAreChecked(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.write("good.rhai", `fn handle(req) { 1 }`)
	u.run("check", "good.rhai")
	u.write("wrong.rhai", "fn handle(req) {\n    let x = 1 +;\n}\n")
	for _, command := range []string{"check", "deploy"} {
		u.fails(failed, []string{command, "wrong.rhai"}, "wrong.rhai:2:16", "    let x = 1 +;", "^")
	}
	u.fails(failed, []string{"show", "wrong"}, "wrong")
	u.fails(misused, []string{"deploy"}, "FILE")
	u.fails(misused, []string{"no-such-command"}, "no-such-command")
}

// TestExamplesAreTrue deploys every example of the repository.
func TestExamplesAreTrue(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	examples := testenv.Path(t, "examples")
	entries, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		u.run("deploy", filepath.Join(examples, e.Name()))
	}
	if a := do(t, http.MethodGet, s.public+"/hello?name=Ada", ""); a.body != "Hello, Ada!" {
		t.Errorf("GET /hello?name=Ada = %s", a)
	}
	if a := do(t, http.MethodGet, s.public+"/hello", ""); a.body != "Hello, world!" {
		t.Errorf("GET /hello = %s", a)
	}
}

// TestSnippetsCompile compiles every piece of Rhai in the documentation.
func TestSnippetsCompile(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	found := 0
	for _, page := range []string{"README.md", "docs/scripts.md", "docs/guides/calls.md", "docs/guides/secrets.md"} {
		text, err := os.ReadFile(testenv.Path(t, page))
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), "```rhai\n")[1:] {
			snippet, _, closed := strings.Cut(part, "```")
			if !closed {
				t.Fatalf("%s: a piece of Rhai has no end", page)
			}
			u.write("snippet.rhai", snippet)
			if r := u.try("", "check", "snippet.rhai"); r.code != 0 {
				t.Errorf("%s, piece %d:\n%s", page, i+1, r.stderr)
			}
			found++
		}
	}
	if found < 5 {
		t.Errorf("found only %d pieces of Rhai", found)
	}
}
