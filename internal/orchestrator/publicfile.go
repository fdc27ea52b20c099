package orchestrator

import (
	"net/http"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// servesFile reports whether a request is for a public file, and for which.
func servesFile(r *http.Request, path string) (name string, ok bool) {
	name, ok = strings.CutPrefix(path, picloud.FilesPath)
	return name, ok && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// serveFile answers with a public file of the app whose host is asked. What it
// returns is yet to be written. That a file is private and that there is none
// look the same.
func (o *Orchestrator) serveFile(w http.ResponseWriter, r *http.Request, t *table, name, id string) *picloud.Response {
	a := t.app(r.Host)
	if a == nil || o.cfg.Blobs == nil || picloud.ValidateFileName(name) != nil {
		return refusal(errNoRoute(), id)
	}
	page, err := o.cfg.Store.ListFiles(r.Context(), a.ID, picloud.OneFile(name))
	if err != nil {
		return refusal(err, id)
	}
	if len(page.Files) == 0 || !page.Files[0].Public {
		return refusal(errNoRoute(), id)
	}
	f := page.Files[0]
	content := picloud.NewBlobReader(r.Context(), o.cfg.Blobs, f.Blob, f.Size)
	defer content.Close()
	if err := content.Check(); err != nil {
		return refusal(err, id)
	}
	h := w.Header()
	h[idHeader] = []string{id}
	f.Describe(h, r.URL.Query().Has("download"))
	h.Set("Cache-Control", "public, no-cache") // it may be replaced: ask, with its tag
	http.ServeContent(&patientWriter{w, http.NewResponseController(w)}, r, "", f.WrittenAt, content)
	return nil
}

// patientWriter gives a client time for each piece, and not for the whole.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(slowClient)) // writers that know no deadline are those of tests
	return p.ResponseWriter.Write(b)
}

// Unwrap lets a response controller find the writer.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
