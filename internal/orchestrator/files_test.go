package orchestrator

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/blobs"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// withFiles gives a node a place for files.
func withFiles(t testing.TB, dir string) func(*Config) {
	folder, err := blobs.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return func(cfg *Config) { cfg.Blobs, cfg.DropFilesAfter = folder, time.Nanosecond }
}

// contents is how many there are in a folder of files.
func contents(t testing.TB, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFilesAreATransaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := startNode(t, nil, withFiles(t, dir))
	n.deploy("put", `fn handle(req) {
		files::put("a/" + req.query.name, "hello " + req.query.name);
		if req.query.how == "throw" { throw "no"; }
		if req.query.how == "twice" { files::put("a/" + req.query.name, "again"); }
		if req.query.how == "doom" { for i in 0..200 { files::put("a/" + i, ""); } }
		files::text("a/" + req.query.name)
	}`)
	n.deploy("get", `fn handle(req) { files::text("a/" + req.query.name) }`)
	n.deploy("remove", `fn handle(req) { files::delete("a/" + req.query.name) }`)
	if a := n.do("GET", "/put?name=x", ""); a.body != "hello x" {
		t.Errorf("its own writes it sees as %q", a.body)
	}
	if a := n.do("GET", "/get?name=x", ""); a.body != "hello x" {
		t.Errorf("the next one gets %q", a.body)
	}
	n.do("GET", "/put?name=y&how=throw", "").want(t, "throw", 500, "script_error")
	n.do("GET", "/put?name=z&how=doom", "").want(t, "too many", 500, "size")
	n.do("GET", "/get?name=y", "").want(t, "of a run that failed", 204, "")
	if a := n.do("GET", "/put?name=x&how=twice", ""); a.body != "again" {
		t.Errorf("put twice: %q", a.body)
	}
	testenv.Eventually(t, "one content is left", func() bool { return contents(t, dir) == 1 })
	n.do("GET", "/remove?name=x", "")
	testenv.Eventually(t, "none is left", func() bool { return contents(t, dir) == 0 })
}

// TestStrangersContents has a run claim contents that it has not put down.
func TestStrangersContents(t *testing.T) {
	t.Parallel()
	claim := ""
	n := startNode(t, func(ctx context.Context, x *picloud.Execution) *picloud.Outcome {
		out := echo(ctx, x)
		out.Effects = &picloud.Effects{FileWrites: []picloud.FileWrite{{Name: "mine", Blob: claim, Size: 1, Type: "text/plain"}}}
		return out
	}, withFiles(t, t.TempDir()))
	n.deploy("claim", "1")
	app := n.do("GET", "/missing", "")
	app.want(t, "nothing there", 404, "not_found")
	own, other := &host{o: n.Orchestrator, appID: n.appID()}, &host{o: n.Orchestrator, appID: "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a"}
	theirs, err := other.StageBlob(t.Context(), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.ReadBlob(t.Context(), picloud.BlobPart{ID: theirs.ID, Length: 6}); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("read another app's content: %v", err)
	}
	claim = theirs.ID
	n.do("GET", "/claim", "").want(t, "another app's content", 500, "internal")
	mine, err := own.StageBlob(t.Context(), []byte("mine"))
	if err != nil {
		t.Fatal(err)
	}
	claim = mine.ID
	n.do("GET", "/claim", "").want(t, "one's own", 200, "")
	page, err := n.store.ListFiles(t.Context(), own.appID, picloud.FileQuery{})
	if err != nil || len(page.Files) != 1 || page.Files[0].Size != 4 || page.Files[0].Hash != mine.Hash {
		t.Errorf("what a run says of a content is believed: %+v, %v", page, err)
	}
	n.do("GET", "/claim", "").want(t, "the same once more", 500, "internal")
}

// appID is the default app's.
func (n *node) appID() string {
	n.t.Helper()
	a, err := n.store.AppByName(n.t.Context(), picloud.DefaultApp)
	if err != nil {
		n.t.Fatal(err)
	}
	return a.ID
}

func TestPublicFiles(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, withFiles(t, t.TempDir()))
	n.deploy("put", `fn handle(req) {
		files::put("ü/page.html", "<script>alert(1)</script>", #{type: "text/html", open: true});
		files::put("private.txt", "secret");
		files::url("ü/page.html")
	}`)
	path := n.do("GET", "/put", "").body
	a := n.do("GET", path, "")
	a.want(t, "open", 200, "")
	for name, want := range map[string]string{
		"Content-Type": "text/html", "X-Content-Type-Options": "nosniff", "Content-Length": "25", "Accept-Ranges": "bytes",
		"Content-Disposition": "inline; filename=page.html", "Cache-Control": "public, no-cache",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if csp := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox;") {
		t.Errorf("the policy is %q", csp)
	}
	tag := a.header.Get("Etag")
	n.do("GET", path, "", "If-None-Match: "+tag).want(t, "unchanged", http.StatusNotModified, "")
	if a := n.do("GET", path, "", "Range: bytes=1-6"); a.status != http.StatusPartialContent || a.body != "script" || a.header.Get("Content-Range") != "bytes 1-6/25" {
		t.Errorf("a range: %d %q %v", a.status, a.body, a.header)
	}
	n.do("GET", path, "", "Range: bytes=90-").want(t, "beyond its end", http.StatusRequestedRangeNotSatisfiable, "")
	if a := n.do("HEAD", path, ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "25" {
		t.Errorf("HEAD: %d %q %v", a.status, a.body, a.header)
	}
	if got := n.do("GET", path+"?download", "").header.Get("Content-Disposition"); got != "attachment; filename=page.html" {
		t.Errorf("to be kept: %q", got)
	}
	n.do("GET", picloud.FilesPath+"private.txt", "").want(t, "private", 404, "not_found")
	n.do("GET", picloud.FilesPath+"none", "").want(t, "none", 404, "not_found")
	n.do("GET", picloud.FilesPath, "").want(t, "no name", 404, "not_found")
	n.do("POST", path, "").want(t, "written to", 404, "not_found")
	n.do("GET", path, "", "Host: other.localhost").want(t, "another app", 404, "not_found")
}

func TestNoPlaceForFiles(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	n.deploy("put", `files::put("a", "x")`)
	n.deploy("list", `files::list("")`)
	n.do("GET", "/put", "").want(t, "put", 503, "unavailable")
	n.do("GET", "/list", "").want(t, "list", 200, "")
	n.do("GET", picloud.FilesPath+"a", "").want(t, "get", 404, "not_found")
}

// TestFilesOfEvents has a message's script keep a file, and fail to.
func TestFilesOfEvents(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := startNode(t, nil, withFiles(t, dir))
	n.deployAs("default", "keep", `fn on_message(m) { files::put("f/" + m.body, "x"); if m.attempt < 2 { throw "no"; } }`, subscribing("t"))
	n.deploy("put", `fn handle(req) { publish("t", "a"); "put" }`)
	n.deploy("done", `files::list("f/").len == 1`)
	n.do("GET", "/put", "").want(t, "put", 200, "")
	n.await("kept in the second try", "done")
	testenv.Eventually(t, "one content is left", func() bool { return contents(t, dir) == 1 })
}
