package hostapi

import (
	"context"
	"slices"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// fileChanges is what a run has seen of the files of its app, and what it wants to
// do to them; see transaction.
type fileChanges struct {
	ranges []picloud.RangeRead
	seen   map[string]seenFile
	writes map[string]*picloud.FileWrite
	staged []string // the contents that were put down
}

type seenFile struct {
	picloud.File
	there bool
}

// addTo hands over what the run leaves.
func (f *fileChanges) addTo(e *picloud.Effects) {
	e.FileRanges, e.Staged = f.ranges, f.staged
	for _, w := range f.writes {
		e.FileWrites = append(e.FileWrites, *w)
	}
	slices.SortFunc(e.FileWrites, func(a, b picloud.FileWrite) int { return strings.Compare(a.Name, b.Name) })
}

// fileOf is a change as the run sees it.
func fileOf(w *picloud.FileWrite) picloud.File {
	return picloud.File{Name: w.Name, Version: ownVersion, Blob: w.Blob, Size: w.Size, Hash: w.Hash, Type: w.Type, Public: w.Public}
}

// file is what the run sees under a name.
func (t *transaction) file(ctx context.Context, data FileData, name string) (f picloud.File, there bool, err error) {
	if w := t.files.writes[name]; w != nil {
		return fileOf(w), !w.Delete, nil
	}
	if s, ok := t.files.seen[name]; ok {
		return s.File, s.there, nil
	}
	page, err := t.lookAtFiles(ctx, data, picloud.OneFile(name))
	if err != nil {
		return f, false, err
	}
	s := seenFile{there: len(page.Files) > 0}
	if s.there {
		s.File = page.Files[0]
	}
	if t.files.seen == nil {
		t.files.seen = map[string]seenFile{}
	}
	t.files.seen[name] = s
	return s.File, s.there, nil
}

// lookAtFiles lists a range of names, and notes what was seen.
func (t *transaction) lookAtFiles(ctx context.Context, data FileData, q picloud.FileQuery) (picloud.FilePage, error) {
	if err := t.look(); err != nil {
		return picloud.FilePage{}, err
	}
	page, err := data.ListFiles(ctx, q)
	if err != nil {
		return page, err
	}
	r := picloud.RangeRead{From: q.From, To: q.To, Count: len(page.Files)}
	if page.More && len(page.Files) > 0 {
		r.To = page.Files[len(page.Files)-1].Name + "\x00"
	}
	for i := range page.Files {
		r.Newest = max(r.Newest, page.Files[i].Version)
	}
	t.files.ranges = append(t.files.ranges, r)
	return page, nil
}

// listFiles is what the run sees in a range of names.
func (t *transaction) listFiles(ctx context.Context, data FileData, q picloud.FileQuery) ([]picloud.File, error) {
	var seen []picloud.File
	for next := q; ; {
		page, err := t.lookAtFiles(ctx, data, next)
		if err != nil {
			return nil, err
		}
		end := q.To
		if page.More {
			end = page.Files[len(page.Files)-1].Name + "\x00"
		}
		seen = append(seen, t.overlayFiles(next.From, end, page.Files)...)
		if !page.More || len(seen) >= q.Limit {
			return seen[:min(len(seen), q.Limit)], nil
		}
		next.From = end
	}
}

// overlayFiles is a range of files with the run's own changes to it.
func (t *transaction) overlayFiles(from, to string, stored []picloud.File) []picloud.File {
	var list []picloud.File
	for _, f := range stored {
		if t.files.writes[f.Name] == nil {
			list = append(list, f)
		}
	}
	for name, w := range t.files.writes {
		if !w.Delete && name >= from && (to == "" || name < to) {
			list = append(list, fileOf(w))
		}
	}
	slices.SortFunc(list, func(a, b picloud.File) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// putFile puts a content down and notes its name.
func (t *transaction) putFile(ctx context.Context, data FileData, w *picloud.FileWrite, content []byte) error {
	if err := t.roomForFile(w.Name); err != nil {
		return err
	}
	if len(t.files.staged) == 2*picloud.MaxFilesWritten {
		return picloud.Errorf(picloud.CodeSize, "an invocation may put %d contents, and this would be one more", 2*picloud.MaxFilesWritten)
	}
	b, err := data.StageBlob(ctx, content)
	if err != nil {
		return err
	}
	t.files.staged = append(t.files.staged, b.ID)
	w.Blob, w.Size, w.Hash = b.ID, b.Size, b.Hash
	t.noteFile(w)
	return nil
}

// removeFile notes that a file is to go.
func (t *transaction) removeFile(name string) error {
	if err := t.roomForFile(name); err != nil {
		return err
	}
	t.noteFile(&picloud.FileWrite{Name: name, Delete: true})
	return nil
}

func (t *transaction) noteFile(w *picloud.FileWrite) {
	if t.files.writes == nil {
		t.files.writes = map[string]*picloud.FileWrite{}
	}
	t.files.writes[w.Name] = w
}

func (t *transaction) roomForFile(name string) error {
	if t.files.writes[name] == nil && len(t.files.writes) == picloud.MaxFilesWritten {
		return picloud.Errorf(picloud.CodeSize, "an invocation may write %d files, and this would be one more", picloud.MaxFilesWritten)
	}
	return nil
}

// infoOf is a file as scripts see it.
func infoOf(c *rhai.Call, f picloud.File) (rhai.Value, error) {
	if err := work(c, 0, len(f.Name)+len(f.Type)+len(f.Hash)); err != nil {
		return rhai.Value{}, err
	}
	var texts [3]rhai.Value
	for i, s := range [...]string{f.Name, f.Type, f.Hash} {
		v, err := c.String(s)
		if err != nil {
			return rhai.Value{}, err
		}
		texts[i] = v
	}
	version, written := rhai.Int(f.Version), rhai.Int(f.WrittenAt.Unix())
	if f.Version == ownVersion { // that of the commit to come is not known
		version, written = rhai.Unit(), rhai.Unit()
	}
	return makeMap(c, pair{"name", texts[0]}, pair{"size", rhai.Int(f.Size)}, pair{"type", texts[1]}, pair{"open", rhai.Bool(f.Public)},
		pair{"hash", texts[2]}, pair{"version", version}, pair{"written_at", written})
}

func returnInfo(c *rhai.Call, f picloud.File) error {
	v, err := infoOf(c, f)
	if err != nil {
		return err
	}
	return c.Return(v)
}
