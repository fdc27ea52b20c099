package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

const wholeProject = `# a shop
app = "shop"

[[scripts]]
file = "orders.rhai"
routes = ["GET /orders/{id}", "POST /orders"]

[scripts.limits]
wall_time_ms = 2000
memory_bytes = 1048576

[scripts.env]
CURRENCY = "EUR"

[[scripts]]
name = "shared"
file = "lib/tools.rhai"
routes = []

[[scripts]]
file = "plain.rhai"
`

func TestParseProject(t *testing.T) {
	t.Parallel()
	p, err := parseProject("picloud.toml", []byte(wholeProject))
	if err != nil {
		t.Fatal(err)
	}
	if p.App != "shop" || len(p.Scripts) != 3 {
		t.Fatalf("project %+v", p)
	}
	orders, shared, plain := p.Scripts[0].deploy("1"), p.Scripts[1].deploy("2"), p.Scripts[2].deploy("3")
	want := &picloud.Settings{Limits: picloud.Limits{WallTimeMS: 2000, MemoryBytes: 1 << 20}, Env: map[string]string{"CURRENCY": "EUR"}}
	if orders.Name != "orders" || !reflect.DeepEqual(orders.Settings, want) || len(orders.Routes) != 2 {
		t.Errorf("orders %+v %+v", orders, orders.Settings)
	}
	if shared.Name != "shared" || shared.Routes == nil || len(shared.Routes) != 0 {
		t.Errorf("shared %+v", shared)
	}
	if plain.Name != "plain" || !reflect.DeepEqual(plain.Routes, []string{"/plain"}) {
		t.Errorf("plain %+v", plain)
	}
}

func TestRefusedProjects(t *testing.T) {
	t.Parallel()
	script := func(lines string) string { return "[[scripts]]\nfile = \"a.rhai\"\n" + lines }
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "there is no [[scripts]]"},
		{"no TOML", "app = \"shop", "p.toml:1:"},
		{"an unknown key", "app = \"shop\"\ncolour = 1\n", `p.toml:2:1: unknown key "colour"`},
		{"an unknown key of a script", script("rout = []\n"), `p.toml:3:1: unknown key "scripts.rout"`},
		{"an unknown limit", script("[scripts.limits]\ncpu = 1\n"), `p.toml:4:1: unknown key "scripts.limits.cpu"`},
		{"a wrong type", script("routes = \"/a\"\n"), "p.toml:3:"},
		{"a limit that is no number", script("limits.operations = \"many\"\n"), "p.toml:3:"},
		{"a huge number", script("limits.operations = 99999999999999999999\n"), "p.toml:3:"},
		{"a negative limit", script("limits.operations = -1\n"), "scripts[0]: limits.operations: -1 is negative"},
		{"no file", "[[scripts]]\nname = \"a\"\n", "scripts[0]: it names no file"},
		{"a file above", "[[scripts]]\nfile = \"../a.rhai\"\n", "not below the project's folder"},
		{"a file above, hidden", "[[scripts]]\nfile = \"x/../../a.rhai\"\n", "not below the project's folder"},
		{"an absolute file", "[[scripts]]\nfile = \"/etc/passwd\"\n", "not below the project's folder"},
		{"a name that is none", "[[scripts]]\nfile = \"My Script.rhai\"\n", `"My Script" holds`},
		{"a route with ..", script("routes = [\"/a/../b\"]\n"), `holds a ".." segment`},
		{"a bad variable", script("env = { \"A-B\" = \"1\" }\n"), "not a variable name"},
		{"the same script twice", script("") + script(""), `scripts[1]: the script "a" is there twice`},
		{"a key twice", "app = \"a\"\napp = \"b\"\n", "p.toml"},
		{"bad UTF-8", "app = \"\xff\"\n", "p.toml"},
	} {
		_, err := parseProject("p.toml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "p.toml") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLoadProjectStaysInItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	project := filepath.Join(dir, "project")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := loadProject(dir); err == nil || !strings.Contains(err.Error(), "holds no picloud.toml") {
		t.Errorf("an empty folder: %v", err)
	}
	write(filepath.Join(dir, "secret.rhai"), "42")
	write(filepath.Join(project, ProjectFile), "[[scripts]]\nfile = \"sub/a.rhai\"\n")
	if _, _, err := loadProject(project); err == nil || !strings.Contains(err.Error(), "a.rhai") {
		t.Errorf("a missing file: %v", err)
	}
	write(filepath.Join(project, "sub", "a.rhai"), "1 + 1")
	_, list, err := loadProject(project)
	if err != nil || len(list) != 1 || list[0].Source != "1 + 1" || list[0].Name != "a" {
		t.Errorf("project %+v, %v", list, err)
	}
	if err := os.Remove(filepath.Join(project, "sub", "a.rhai")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "secret.rhai"), filepath.Join(project, "sub", "a.rhai")); err != nil {
		t.Skip("no symbolic links here")
	}
	if _, _, err := loadProject(project); err == nil {
		t.Error("a link leads out of the folder")
	}
}

func FuzzParseProject(f *testing.F) {
	f.Add(wholeProject)
	f.Add("[[scripts]]\nfile = \"a.rhai\"\nlimits = { operations = 1 }\n")
	f.Add("scripts = [{ file = \"a\", routes = [\"/{x}\"] }]\n")
	f.Add("app = 'x'\n[scripts.env]\nA = '1'\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProject("p.toml", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "p.toml") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		for _, s := range p.Scripts {
			if !filepath.IsLocal(filepath.FromSlash(s.File)) {
				t.Errorf("%q leads out of the folder", s.File)
			}
			d := s.deploy("1")
			if picloud.ValidateScriptName(d.Name) != nil || d.Routes == nil || d.Settings == nil {
				t.Errorf("deploy %+v", d)
			}
		}
	})
}
