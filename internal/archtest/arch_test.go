package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/picloud/picloud"

// room is a part of the module: a folder with everything below it.
type room struct {
	dir string
	// uses lists the rooms whose packages it may import besides its own.
	uses []string
}

// rooms is the architecture. The arrows go one way:
//
//	cmd → cli → {manager, orchestrator, executor} → {store, auth, access, hostapi} → picloud
//	                                    executor, hostapi → rhai
//
// The executor reaches neither store nor auth: it holds no credentials. The
// longest matching dir counts.
var rooms = []room{
	{"rhai", nil},
	{"internal/picloud", nil},
	{"internal/cron", []string{"internal/picloud"}},
	{"internal/store", []string{"internal/cron", "internal/picloud"}},
	{"internal/blobs", []string{"internal/picloud"}},
	{"internal/seal", nil},
	{"internal/secrets", []string{"internal/picloud", "internal/seal"}},
	{"internal/auth", []string{"internal/picloud", "internal/seal"}},
	{"internal/access", []string{"internal/picloud"}},
	{"internal/hostapi", []string{"internal/picloud", "rhai"}},
	{"internal/socket", nil},
	{"internal/wire", []string{"internal/picloud", "internal/socket"}},
	{"internal/lockdown", []string{"internal/picloud"}},
	{"internal/isolate", []string{"internal/wire", "internal/lockdown", "internal/picloud"}},
	{"internal/domains", []string{"internal/picloud"}},
	{"internal/backup", []string{"internal/picloud"}},
	{"internal/manager", []string{"internal/backup", "internal/store", "internal/auth", "internal/access", "internal/cron", "internal/domains", "internal/picloud"}},
	{"internal/httpd", []string{"internal/socket"}},
	{"internal/webhook", []string{"internal/picloud"}},
	{"internal/mqtt", []string{"internal/picloud"}},
	{"internal/outbound", []string{"internal/picloud"}},
	{"internal/orchestrator", []string{"internal/store", "internal/auth", "internal/access", "internal/hostapi", "internal/httpd", "internal/outbound", "internal/secrets", "internal/webhook", "internal/picloud"}},
	{"internal/fair", nil},
	{"dashboard", nil},
	{"internal/executor", []string{"internal/fair", "internal/hostapi", "internal/picloud", "rhai"}},
	{"internal/cli", []string{
		"dashboard",
		"internal/manager", "internal/orchestrator", "internal/mqtt", "internal/executor", "internal/isolate", "internal/lockdown", "internal/wire",
		"internal/backup", "internal/blobs", "internal/store", "internal/auth", "internal/cron", "internal/domains", "internal/outbound", "internal/seal", "internal/secrets", "internal/hostapi", "internal/picloud", "rhai",
	}},
	{"cmd/picloud", []string{"internal/cli"}},
	{"cmd/picloud-manager", []string{"internal/cli"}},
	{"cmd/picloud-orchestrator", []string{"internal/cli"}},
	{"cmd/picloud-executor", []string{"internal/cli"}},
	{"cmd/rhai", []string{"rhai"}},

	// Tests and what they stand on.
	{"internal/testenv", nil},
	{"internal/archtest", nil},
	{"test", []string{"internal/testenv"}},
	{"bench", []string{"internal/testenv"}},
}

// forTests lists what any _test.go file may import besides what its room may.
var forTests = []string{"internal/testenv", "internal/blobs", "internal/store", "internal/picloud", "internal/auth", "internal/access", "internal/seal", "internal/executor"}

// dumpingGrounds are names that say nothing about what a package holds.
var dumpingGrounds = []string{"util", "utils", "common", "helpers", "helper", "misc", "base", "pkg", "types", "models", "shared", "lib"}

// source is one parsed file.
type source struct {
	path string // from the root, with slashes
	dir  string
	file *ast.File
	fset *token.FileSet
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		r, ok := roomOf(s.dir)
		if !ok {
			t.Errorf("%s: the folder %s is not in the table of internal/archtest: enter it, with what it may import", s.path, s.dir)
			continue
		}
		for _, spec := range s.file.Imports {
			target, ours := imported(t, spec)
			if !ours {
				continue
			}
			if why := refuse(s, r, target); why != "" {
				t.Errorf("%s: imports %s, but %s", s.at(spec), target, why)
			}
		}
	}
}

// TestTheTableRefuses makes sure that the test above can fail.
func TestTheTableRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, imports string
		want          bool
	}{
		{"rhai/engine.go", "internal/picloud", true},
		{"rhai/engine_test.go", "internal/testenv", true},
		{"rhai/engine.go", "rhai/internal/vm", false},
		{"internal/picloud/app.go", "rhai", true},
		{"internal/executor/pool.go", "internal/store", true},
		{"internal/executor/pool_test.go", "internal/testenv", false},
		{"internal/manager/api.go", "internal/orchestrator", true},
		{"internal/store/storetest/script.go", "internal/store", false},
		{"internal/store/store.go", "internal/cli", true},
		{"internal/cli/serve.go", "internal/manager", false},
		{"internal/cli/serve.go", "internal/attic", true},
	} {
		s := source{path: c.file, dir: path.Dir(c.file)}
		r, _ := roomOf(s.dir)
		if why := refuse(s, r, c.imports); (why != "") != c.want {
			t.Errorf("refuse(%s, %s) = %q, refused: want %v", c.file, c.imports, why, c.want)
		}
	}
}

// refuse says why a file of room r may not import the package in dir, or "".
func refuse(s source, r room, dir string) string {
	target, ok := roomOf(dir)
	switch {
	case !ok:
		return "that folder is not in the table"
	case target.dir == r.dir || slices.Contains(r.uses, target.dir):
		return ""
	case r.dir == "rhai":
		return "rhai stands on its own"
	case s.isTest() && slices.Contains(forTests, target.dir):
		return ""
	default:
		return fmt.Sprintf("%s may only import %v", r.dir, r.uses)
	}
}

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	t.Parallel()
	for dir := range packages(t) {
		if slices.Contains(dumpingGrounds, path.Base(dir)) {
			t.Errorf("%s: the name %q does not say what the package holds", dir, path.Base(dir))
		}
	}
}

func TestEveryPackageHasADocComment(t *testing.T) {
	t.Parallel()
	for dir, files := range packages(t) {
		if !slices.ContainsFunc(files, func(s source) bool { return s.file.Doc != nil }) {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

func TestNoInitOutsideCmd(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if strings.HasPrefix(s.dir, "cmd/") {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init functions hide what happens; use an explicit list in cmd", s.at(f))
			}
		}
	}
}

// TestEveryDependencyHasItsReason looks for each module whose packages our
// files import in docs/RATIONALE.md.
func TestEveryDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	root := moduleRoot(t)
	rationale, err := os.ReadFile(filepath.Join(root, "docs", "RATIONALE.md"))
	if err != nil {
		t.Fatal(err)
	}
	modules := required(t, root)
	missing := map[string]string{}
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range modules {
				if (p == m || strings.HasPrefix(p, m+"/")) && !strings.Contains(string(rationale), "`"+m+"`") {
					missing[m] = s.at(spec)
				}
			}
		}
	}
	for m, at := range missing {
		t.Errorf("%s: imports a package of %s, which has no line in docs/RATIONALE.md", at, m)
	}
}

// required lists the modules that go.mod names.
func required(t *testing.T, root string) []string {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && strings.Contains(fields[0], ".") && strings.HasPrefix(fields[1], "v") {
			modules = append(modules, fields[0])
		}
	}
	if len(modules) == 0 {
		t.Fatal("go.mod names no modules")
	}
	return modules
}

// TestTheLanguageIsDocumented looks at what users of package rhai can see: the
// packages below rhai that are not internal.
func TestTheLanguageIsDocumented(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		public := (s.dir == "rhai" || strings.HasPrefix(s.dir, "rhai/")) && !strings.Contains(s.dir+"/", "/internal/")
		if !public || s.isTest() || s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			for name, node := range undocumented(d) {
				t.Errorf("%s: exported %s has no doc comment", s.at(node), name)
			}
		}
	}
}

// undocumented lists the exported names of a declaration that have no comment
// of their own, of their line or of their group.
func undocumented(d ast.Decl) map[string]ast.Node {
	found := map[string]ast.Node{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			found[d.Name.Name] = d
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
					found[spec.Name.Name] = spec
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					found[spec.Names[0].Name] = spec
				}
			}
		}
	}
	return found
}

// exportedReceiver reports whether a function has no receiver, or one whose
// type is exported.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if generic, ok := typ.(*ast.IndexExpr); ok {
		typ = generic.X
	}
	name, ok := typ.(*ast.Ident)
	return !ok || name.IsExported()
}

// roomOf finds the room that a folder belongs to.
func roomOf(dir string) (room, bool) {
	var best room
	for _, r := range rooms {
		if (dir == r.dir || strings.HasPrefix(dir, r.dir+"/")) && len(r.dir) > len(best.dir) {
			best = r
		}
	}
	return best, best.dir != ""
}

// imported is the folder of an import of this module.
func imported(t *testing.T, spec *ast.ImportSpec) (dir string, ours bool) {
	t.Helper()
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.CutPrefix(p, module+"/")
}

// packages groups the sources that are not tests by folder, and includes
// folders that hold tests only.
func packages(t *testing.T) map[string][]source {
	t.Helper()
	byDir := map[string][]source{}
	for _, s := range sources(t) {
		byDir[s.dir] = append(byDir[s.dir], s)
	}
	return byDir
}

// sources parses every Go file of the module, tests included. Modules nested
// in it are their own business.
func sources(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	fset := token.NewFileSet()
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			return enter(root, rel)
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{path: rel, dir: path.Dir(rel), file: file, fset: fset})
		return nil
	})
	if err != nil {
		t.Fatalf("read the module's source: %v", err)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d Go files below %s", len(all), root)
	}
	return all
}

// enter reports with fs.SkipDir which folders hold no code of this module.
func enter(root, rel string) error {
	if rel == "." {
		return nil
	}
	base := path.Base(rel)
	if base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules" || rel == "bin" || rel == "data" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(root, rel, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("find the module's root: %v", err)
	}
	return root
}
