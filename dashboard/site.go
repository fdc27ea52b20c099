package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// entry is the page that every address of the application begins with.
const entry = "/index.html"

// immutable is where the files are whose names change with their content.
const immutable = "/_app/immutable/"

// Site serves the application. It is safe for concurrent use; New makes one.
type Site struct {
	files  map[string]*file // by path
	policy string           // for the entry
}

// file is one file of the application, in the forms that there are of it.
type file struct {
	kind  string // media type
	tag   string // ETag, in quotes
	plain []byte // nil when it is there compressed only
	gzip  []byte
	br    []byte
}

// New reads an application, or is nil when there is none in it.
func New(built fs.FS) (*Site, error) {
	s := &Site{files: map[string]*file{}}
	err := fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		content, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		s.add("/"+name, content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	page, ok := s.files[entry]
	if !ok {
		return nil, nil
	}
	if err := s.finish(page); err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	return s, nil
}

// add enters one form of a file.
func (s *Site) add(name string, content []byte) {
	ext := path.Ext(name)
	if ext == ".br" || ext == ".gz" {
		name = strings.TrimSuffix(name, ext)
	}
	f := s.files[name]
	if f == nil {
		f = &file{kind: mediaType(name)}
		s.files[name] = f
	}
	switch ext {
	case ".br":
		f.br = content
	case ".gz":
		f.gzip = content
	default:
		f.plain = content
	}
}

// finish sees to the tags and to the policy of the entry.
func (s *Site) finish(page *file) error {
	for name, f := range s.files {
		content, err := f.content()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sum := sha256.Sum256(content)
		f.tag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	}
	content, err := page.content()
	if err != nil {
		return err
	}
	s.policy = policyFor(content)
	return nil
}

// content is the file as it was before it was compressed.
func (f *file) content() ([]byte, error) {
	if f.plain != nil {
		return f.plain, nil
	}
	if f.gzip == nil {
		return nil, errors.New("it is there as .br only, and has to be there as .gz too")
	}
	r, err := gzip.NewReader(bytes.NewReader(f.gzip))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// mediaType names what a file is without asking the machine, whose tables
// differ.
func mediaType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// policyFor allows a page its own files, and of scripts in it exactly those
// that are there. Styles may be in the page: the editor puts its own there.
func policyFor(page []byte) string {
	scripts := "'self'"
	for _, m := range inlineScript.FindAllSubmatch(page, -1) {
		sum := sha256.Sum256(m[1])
		scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + scripts + "; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
		"font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// Holds reports whether a path is that of a file of the application. All other
// paths are addresses inside of it.
func (s *Site) Holds(path string) bool { return s.files[path] != nil && path != entry }

// ServeHTTP answers with the file of a path, and for a path that is none's
// with the page that the application starts from.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path
	if strings.HasPrefix(name, immutable) && !s.Holds(name) {
		http.Error(w, "there is no such file: the dashboard has been updated", http.StatusNotFound)
		return
	}
	if !s.Holds(name) {
		name = entry
		w.Header().Set("Content-Security-Policy", s.policy)
	}
	s.files[name].serve(w, r, strings.HasPrefix(name, immutable))
}

// serve writes a file in the best form that the client takes.
func (f *file) serve(w http.ResponseWriter, r *http.Request, immutable bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", f.tag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	body, coding := f.form(r.Header.Get("Accept-Encoding"))
	if body == nil {
		var err error
		if body, err = f.content(); err != nil {
			http.Error(w, "the file cannot be read", http.StatusInternalServerError)
			return
		}
	}
	if coding != "" {
		h.Set("Content-Encoding", coding)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
}

// form picks what a client accepts; nil means that it takes nothing that is
// ready.
func (f *file) form(accepted string) (body []byte, coding string) {
	if f.br != nil && accepts(accepted, "br") {
		return f.br, "br"
	}
	if f.gzip != nil && accepts(accepted, "gzip") {
		return f.gzip, "gzip"
	}
	return f.plain, ""
}

// accepts reads an Accept-Encoding header, of which it knows names and q=0.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(parameters), " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !found || err == nil && weight > 0
	}
	return false
}
