package manager

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// Names hold slashes, so the name is a parameter.
const (
	filePath    = "/apps/{app}/files/file"
	contentPath = "/apps/{app}/files/content"
)

// maxUpload is the largest content that may be sent at once; the quota mostly
// ends before.
const maxUpload = 1 << 39

func (m *Manager) registerFiles() {
	register(m, operation{
		id: "list-files", method: http.MethodGet, path: "/apps/{app}/files", tag: "files", capability: access.ReadData,
		summary: "List the files of an app",
	}, m.listFiles)
	register(m, operation{
		id: "get-file", method: http.MethodGet, path: filePath, tag: "files", capability: access.ReadData,
		summary: "Show a file, without its content",
	}, m.getFile)
	register(m, operation{
		id: "set-file", method: http.MethodPatch, path: filePath, tag: "files", capability: access.WriteData,
		summary: "Change the type of a file, or whether everybody may read it",
	}, m.setFile)
	register(m, operation{
		id: "delete-file", method: http.MethodDelete, path: filePath, tag: "files", capability: access.WriteData,
		summary: "Remove a file",
	}, m.deleteFile)
	register(m, operation{
		id: "read-file", method: http.MethodGet, path: contentPath, tag: "files", capability: access.ReadData,
		summary: "Read the content of a file, or a range of it", timeout: -1,
	}, m.readFile)
	register(m, operation{
		id: "write-file", method: http.MethodPut, path: contentPath, tag: "files", capability: access.WriteData,
		summary: "Keep what is sent as a file, of the type that the header names", maxBody: maxUpload, timeout: -1,
	}, m.writeFile)
}

type filesInput struct {
	AppPath
	Prefix string `query:"prefix" maxLength:"512" doc:"Only names that start with it"`
	After  string `query:"after" maxLength:"512" doc:"Only names after this one: the last of the page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 when absent"`
}

type filesOutput struct{ Body api.Files }

func (m *Manager) listFiles(ctx context.Context, _ picloud.Principal, in *filesInput) (*filesOutput, error) {
	q := picloud.FileQuery{Limit: pageSize(in.Limit)}
	q.From, q.To = picloud.PrefixRange(in.Prefix, in.After)
	page, err := m.store.ListFiles(ctx, accessOf(ctx).App.ID, q)
	if err != nil {
		return nil, err
	}
	out := &filesOutput{Body: api.Files{Files: make([]api.File, len(page.Files)), More: page.More}}
	for i, f := range page.Files {
		out.Body.Files[i] = shownFile(f)
	}
	return out, nil
}

func shownFile(f picloud.File) api.File {
	return api.File{Name: f.Name, Size: f.Size, Type: f.Type, Open: f.Public, Hash: f.Hash, Version: f.Version, WrittenAt: f.WrittenAt}
}

type fileInput struct {
	AppPath
	Name string `query:"name" required:"true"`
}

type fileOutput struct{ Body api.File }

func (m *Manager) getFile(ctx context.Context, _ picloud.Principal, in *fileInput) (*fileOutput, error) {
	f, err := m.file(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &fileOutput{Body: shownFile(f)}, nil
}

// file is a file of the request's app that is there.
func (m *Manager) file(ctx context.Context, name string) (f picloud.File, err error) {
	if err := picloud.ValidateFileName(name); err != nil {
		return f, err
	}
	page, err := m.store.ListFiles(ctx, accessOf(ctx).App.ID, picloud.OneFile(name))
	if err != nil {
		return f, err
	}
	if len(page.Files) == 0 {
		return f, picloud.NotFound("file", name)
	}
	return page.Files[0], nil
}

type setFileInput struct {
	AppPath
	Name string `query:"name" required:"true"`
	Body api.SetFile
}

func (m *Manager) setFile(ctx context.Context, _ picloud.Principal, in *setFileInput) (*fileOutput, error) {
	auditing(ctx).target(in.Name)
	f, err := m.file(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if in.Body.Type != nil {
		if f.Type, err = picloud.FileType(*in.Body.Type); err != nil {
			return nil, err
		}
	}
	if in.Body.Open != nil {
		f.Public = *in.Body.Open
	}
	seen := picloud.OneFile(in.Name)
	err = m.commitFile(ctx, picloud.Effects{
		FileRanges: []picloud.RangeRead{{From: seen.From, To: seen.To, Count: 1, Newest: f.Version}},
		FileWrites: []picloud.FileWrite{{Name: f.Name, Blob: f.Blob, Size: f.Size, Hash: f.Hash, Type: f.Type, Public: f.Public}},
	})
	if err != nil {
		return nil, err
	}
	return m.getFile(ctx, picloud.Principal{}, &fileInput{AppPath: in.AppPath, Name: in.Name})
}

func (m *Manager) commitFile(ctx context.Context, e picloud.Effects) error {
	err := m.store.Commit(ctx, picloud.Commit{AppID: accessOf(ctx).App.ID, Effects: e})
	if errors.Is(err, picloud.ErrStale) {
		return picloud.Errorf(picloud.CodeConflict, "the file has been changed meanwhile")
	}
	return err
}

func (m *Manager) deleteFile(ctx context.Context, _ picloud.Principal, in *fileInput) (*struct{}, error) {
	auditing(ctx).target(in.Name)
	if _, err := m.file(ctx, in.Name); err != nil {
		return nil, err
	}
	return nil, m.commitFile(ctx, picloud.Effects{FileWrites: []picloud.FileWrite{{Name: in.Name, Delete: true}}})
}

var errNoFiles = picloud.Errorf(picloud.CodeUnavailable, "there is no place for files: the server was started without --files")

type readFileInput struct {
	AppPath
	Name string `query:"name" required:"true"`
}

func (m *Manager) readFile(ctx context.Context, _ picloud.Principal, in *readFileInput) (*huma.StreamResponse, error) {
	f, err := m.file(ctx, in.Name)
	if err == nil && m.blobs == nil {
		err = errNoFiles
	}
	if err != nil {
		return nil, err
	}
	content := picloud.NewBlobReader(ctx, m.blobs, f.Blob, f.Size)
	if err := content.Check(); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer content.Close()
		r, w := humago.Unwrap(hc)
		f.Describe(w.Header(), true) // never shown on the origin of the control plane
		http.ServeContent(&patientWriter{w, http.NewResponseController(w)}, r, "", f.WrittenAt, content)
	}}, nil
}

// patientWriter gives a client time for each piece, and not for the whole.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // writers that know no deadline are those of tests
	return p.ResponseWriter.Write(b)
}

// Unwrap lets a response controller find the writer.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

type writeFileInput struct {
	AppPath
	Name        string `query:"name" required:"true"`
	Open        bool   `query:"open" doc:"Everybody may read it"`
	ContentType string `header:"Content-Type"`

	upload
}

// upload is a body that is read piece by piece.
type upload struct{ hc huma.Context }

// Resolve implements huma.Resolver: it keeps the request.
func (u *upload) Resolve(hc huma.Context) []error {
	u.hc = hc
	return nil
}

// Read gives a client time for each piece, and not for the whole.
func (u *upload) Read(p []byte) (int, error) {
	_, w := humago.Unwrap(u.hc)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	return u.hc.BodyReader().Read(p)
}

func (m *Manager) writeFile(ctx context.Context, _ picloud.Principal, in *writeFileInput) (*fileOutput, error) {
	auditing(ctx).target(in.Name)
	if err := picloud.ValidateFileName(in.Name); err != nil {
		return nil, err
	}
	kind, err := picloud.FileType(in.ContentType)
	if err == nil && m.blobs == nil {
		err = errNoFiles
	}
	if err != nil {
		return nil, err
	}
	app := accessOf(ctx).App.ID
	limit, err := m.roomForFile(ctx, app, in.Name)
	if err != nil {
		return nil, err
	}
	r, w := humago.Unwrap(in.hc)
	if r.ContentLength > limit {
		return nil, picloud.Errorf(picloud.CodeQuotaFiles, "the file has %d bytes, and the app has room for %d", r.ContentLength, limit)
	}
	b, err := m.blobs.Put(ctx, app+"/"+m.ids.New(), &in.upload, limit)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	if err != nil {
		return nil, uploadError(err)
	}
	err = m.commitFile(ctx, picloud.Effects{FileWrites: []picloud.FileWrite{{Name: in.Name, Blob: b.ID, Size: b.Size, Hash: b.Hash, Type: kind, Public: in.Open}}})
	if err != nil {
		var refused *picloud.Error
		if errors.As(err, &refused) && refused.Code != picloud.CodeUnavailable { // otherwise it may have been committed
			err = errors.Join(err, m.blobs.Delete(context.WithoutCancel(ctx), []string{b.ID}))
		}
		return nil, err
	}
	return m.getFile(ctx, picloud.Principal{}, &fileInput{AppPath: in.AppPath, Name: in.Name})
}

// uploadError tells a body that ended early from a disk that is full.
func uploadError(err error) error {
	var mine *picloud.Error
	if !errors.As(err, &mine) && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled)) {
		return &picloud.Error{Code: picloud.CodeMalformed, Message: "the body ended early", Err: err}
	}
	return err
}

// roomForFile is how large a file of that name may be.
func (m *Manager) roomForFile(ctx context.Context, appID, name string) (int64, error) {
	quotas, _, err := m.store.QuotasOf(ctx, appID)
	if err != nil {
		return 0, err
	}
	if quotas.Files < 0 {
		return maxUpload, nil
	}
	now, err := m.store.CurrentGauge(ctx, appID)
	if err != nil {
		return 0, err
	}
	page, err := m.store.ListFiles(ctx, appID, picloud.OneFile(name))
	if err != nil {
		return 0, err
	}
	room := quotas.Files - now.FileBytes
	for _, old := range page.Files {
		room += old.Size
	}
	return max(room, 0), nil
}
