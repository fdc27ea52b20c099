package dashboard

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	testPage   = "<html><script>start(\"a\")</script><script type=\"module\" src=\"/x.js\"></script></html>"
	startHash  = "'sha256-oieM5sW+l4eTWRpTEU/1xgQALjnENUupdvoSu2k7Cco='"
	testScript = "export const a = 1;"
)

func zipped(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func testSite(t *testing.T) *Site {
	t.Helper()
	s, err := New(fstest.MapFS{
		".gitkeep":                       {},
		"index.html.gz":                  {Data: zipped(t, testPage)},
		"index.html.br":                  {Data: []byte("page in brotli")},
		"_app/immutable/chunk.abc.js.gz": {Data: zipped(t, testScript)},
		"_app/immutable/chunk.abc.js.br": {Data: []byte("script in brotli")},
		"favicon.png":                    {Data: []byte("png")},
	})
	if err != nil || s == nil {
		t.Fatalf("New = %v, %v", s, err)
	}
	return s
}

func ask(s *Site, method, path, encoding string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func TestFilesComeAsTheClientTakesThem(t *testing.T) {
	t.Parallel()
	s := testSite(t)
	for _, c := range []struct {
		path, accept       string
		coding, kind, body string
		cache              string
	}{
		{"/", "gzip, deflate, br, zstd", "br", "text/html; charset=utf-8", "page in brotli", "no-cache"},
		{"/apps/default/scripts", "br;q=0, identity", "", "text/html; charset=utf-8", testPage, "no-cache"},
		{"/index.html", "", "", "text/html; charset=utf-8", testPage, "no-cache"},
		{"/_app/immutable/chunk.abc.js", "br", "br", "text/javascript; charset=utf-8", "script in brotli", "public, max-age=31536000, immutable"},
		{"/_app/immutable/chunk.abc.js", "", "", "text/javascript; charset=utf-8", testScript, "public, max-age=31536000, immutable"},
		{"/favicon.png", "br, gzip", "", "image/png", "png", "no-cache"},
	} {
		resp := ask(s, http.MethodGet, c.path, c.accept)
		body := new(strings.Builder)
		if _, err := bytesTo(body, resp); err != nil {
			t.Fatal(err)
		}
		h := resp.Header
		if resp.StatusCode != 200 || h.Get("Content-Encoding") != c.coding || h.Get("Content-Type") != c.kind || body.String() != c.body || h.Get("Cache-Control") != c.cache {
			t.Errorf("GET %s (%s) = %d %v %q", c.path, c.accept, resp.StatusCode, h, body)
		}
		again := ask(s, http.MethodGet, c.path, c.accept, "If-None-Match", h.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("GET %s with its tag = %d, want 304", c.path, again.StatusCode)
		}
	}
	if resp := ask(s, http.MethodGet, "/", "gzip"); resp.Header.Get("Content-Encoding") != "gzip" {
		t.Error("a client that takes gzip does not get it")
	}
}

func bytesTo(b *strings.Builder, resp *http.Response) (int64, error) {
	defer resp.Body.Close()
	var buf bytes.Buffer
	n, err := buf.ReadFrom(resp.Body)
	b.WriteString(buf.String())
	return n, err
}

func TestOldFilesAreNotPages(t *testing.T) {
	t.Parallel()
	resp := ask(testSite(t), http.MethodGet, "/_app/immutable/chunk.old.js", "br")
	if resp.StatusCode != http.StatusNotFound || strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("a file of another build = %d %v", resp.StatusCode, resp.Header)
	}
}

func TestThePolicyAllowsTheScriptsOfThePageOnly(t *testing.T) {
	t.Parallel()
	policy := ask(testSite(t), http.MethodGet, "/", "").Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self' "+startHash+";") {
		t.Errorf("policy %s", policy)
	}
	for directive := range strings.SplitSeq(policy, ";") {
		if strings.Contains(directive, "unsafe") && !strings.HasPrefix(strings.TrimSpace(directive), "style-src") {
			t.Errorf("the policy has %q", directive)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	resp := ask(testSite(t), http.MethodHead, "/", "br")
	if resp.ContentLength != int64(len("page in brotli")) {
		t.Errorf("HEAD says %d bytes", resp.ContentLength)
	}
	var b strings.Builder
	if n, _ := bytesTo(&b, resp); n != 0 {
		t.Errorf("HEAD has a body of %d bytes", n)
	}
}

func TestWithoutABuildThereIsNoSite(t *testing.T) {
	t.Parallel()
	s, err := New(fstest.MapFS{".gitkeep": {}})
	if s != nil || err != nil {
		t.Errorf("New of nothing = %v, %v", s, err)
	}
	if _, err := New(fstest.MapFS{"index.html.br": {Data: []byte("x")}}); err == nil {
		t.Error("a file that is there in brotli only is taken")
	}
}

// TestWhatIsBuiltCanBeRead looks at what this program holds, if anything.
func TestWhatIsBuiltCanBeRead(t *testing.T) {
	t.Parallel()
	s, err := New(Built())
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		t.Skip("the dashboard is not built (make dashboard)")
	}
	if !strings.Contains(s.policy, "'sha256-") {
		t.Errorf("the page has no script of its own: %s", s.policy)
	}
}
