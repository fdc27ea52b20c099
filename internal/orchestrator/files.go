package orchestrator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Bounds of what runs have put down and not given a name to yet.
const (
	maxStagedBytes = 512 << 20 // of one app
	// stagedFor is how long a content waits for its run, whose executor may be
	// gone: longer than any run takes.
	stagedFor = time.Hour
	// dropAfter is how long a content stays that has lost its name: whoever has
	// just looked the name up still finds it.
	dropAfter = time.Minute
)

// staging is the contents that runs have put down and that are not of a file yet.
// What a run says of them is not believed but looked up here. The zero value is
// ready.
type staging struct {
	mu     sync.Mutex
	blobs  map[string]stagedBlob
	bytes  map[string]int64 // by app
	timers map[*time.Timer]bool
	closed bool
}

type stagedBlob struct {
	picloud.Blob
	appID string
	until time.Time
}

// reserve makes room for a content; false says that the app has too many.
func (s *staging) reserve(appID string, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes == nil {
		s.bytes, s.blobs = map[string]int64{}, map[string]stagedBlob{}
	}
	if s.bytes[appID]+size > maxStagedBytes {
		return false
	}
	s.bytes[appID] += size
	return true
}

// free gives room back that was reserved. The lock is held.
func (s *staging) free(appID string, size int64) {
	if s.bytes[appID] -= size; s.bytes[appID] <= 0 {
		delete(s.bytes, appID)
	}
}

// add takes in a content for which there is room reserved, and tells which others
// nobody has asked after for too long.
func (s *staging) add(appID string, b picloud.Blob, now time.Time) (stale []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.blobs {
		if now.After(old.until) {
			stale = append(stale, id)
			s.free(old.appID, old.Size)
			delete(s.blobs, id)
		}
	}
	s.blobs[b.ID] = stagedBlob{b, appID, now.Add(stagedFor)}
	return stale
}

// get is a content that was put down for an app.
func (s *staging) get(appID, id string) (picloud.Blob, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[id]
	return b.Blob, ok && b.appID == appID
}

// forget drops contents of an app, and is those of them that were there.
func (s *staging) forget(appID string, ids []string) (there []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if b, ok := s.blobs[id]; ok && b.appID == appID {
			there = append(there, id)
			s.free(appID, b.Size)
			delete(s.blobs, id)
		}
	}
	return there
}

// errNoFiles is the answer where no place for files was configured.
func errNoFiles() error {
	return picloud.Errorf(picloud.CodeUnavailable, "this node has no place for files: it was started without --files")
}

// ListFiles implements picloud.Host.
func (h *host) ListFiles(ctx context.Context, q picloud.FileQuery) (picloud.FilePage, error) {
	return h.o.cfg.Store.ListFiles(ctx, h.appID, q)
}

// ReadBlob implements picloud.Host. The contents of other apps are not there.
func (h *host) ReadBlob(ctx context.Context, part picloud.BlobPart) ([]byte, error) {
	if h.o.cfg.Blobs == nil {
		return nil, errNoFiles()
	}
	if !ownBlob(h.appID, part.ID) {
		return nil, picloud.Errorf(picloud.CodeNotFound, "there is no such content")
	}
	r, err := h.o.cfg.Blobs.Open(ctx, part.ID, part.Offset, min(part.Length, picloud.MaxFileContent))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// ownBlob reports whether a content is of an app: its id begins with the app's.
func ownBlob(appID, id string) bool {
	return len(id) > len(appID) && id[:len(appID)] == appID && id[len(appID)] == '/'
}

// StageBlob implements picloud.Host.
func (h *host) StageBlob(ctx context.Context, content []byte) (picloud.Blob, error) {
	o := h.o
	if o.cfg.Blobs == nil {
		return picloud.Blob{}, errNoFiles()
	}
	size := int64(len(content))
	if !o.staging.reserve(h.appID, size) {
		return picloud.Blob{}, &picloud.Error{Code: picloud.CodeOverloaded, Message: "the app's scripts are writing too many files at once", RetryAfter: time.Second}
	}
	b, err := o.cfg.Blobs.Put(ctx, h.appID+"/"+o.cfg.IDs.New(), bytes.NewReader(content), size)
	if err != nil {
		o.staging.mu.Lock()
		o.staging.free(h.appID, size)
		o.staging.mu.Unlock()
		return b, err
	}
	o.deleteBlobs(ctx, o.staging.add(h.appID, b, o.cfg.Now()))
	return b, nil
}

// knowBlobs puts what is known of the contents that a run writes in place of what it
// says. One that it has not put down it does not get, and what it has is removed.
func (o *Orchestrator) knowBlobs(ctx context.Context, c *picloud.Commit) error {
	for i := range c.Effects.FileWrites {
		w := &c.Effects.FileWrites[i]
		if w.Delete {
			continue
		}
		b, ok := o.staging.get(c.AppID, w.Blob)
		if !ok {
			err := picloud.Errorf(picloud.CodeInternal, "the content of the file %q was not put down by this run", w.Name)
			o.unstage(ctx, c.AppID, &c.Effects, err)
			return err
		}
		w.Size, w.Hash = b.Size, b.Hash
	}
	return nil
}

// unstage is called when a run is over, with the error of its commit: what it has
// put down is of its files by now, or is of nobody's. When it is not known what
// became of the commit, the sweep will find out.
func (o *Orchestrator) unstage(ctx context.Context, appID string, e *picloud.Effects, err error) {
	if e == nil || len(e.Staged)+len(e.FileWrites) == 0 {
		return
	}
	ids := slices.Clone(e.Staged)
	for i := range e.FileWrites {
		ids = append(ids, e.FileWrites[i].Blob)
	}
	there := o.staging.forget(appID, ids)
	var refused *picloud.Error
	switch {
	case err == nil:
		there = withoutWritten(there, e.FileWrites)
	case !errors.As(err, &refused) || refused.Code == picloud.CodeUnavailable:
		return
	}
	o.deleteBlobs(ctx, there)
}

func withoutWritten(ids []string, writes []picloud.FileWrite) (left []string) {
	written := map[string]bool{}
	for i := range writes {
		written[writes[i].Blob] = true
	}
	for _, id := range ids {
		if !written[id] {
			left = append(left, id)
		}
	}
	return left
}

// deleteBlobs removes contents. Those that cannot be removed now are swept later.
func (o *Orchestrator) deleteBlobs(ctx context.Context, ids []string) {
	if len(ids) == 0 || o.cfg.Blobs == nil {
		return
	}
	if err := o.cfg.Blobs.Delete(context.WithoutCancel(ctx), ids); err != nil {
		o.cfg.Log.WarnContext(ctx, "contents of files that nobody needs stay for now", "err", err, "contents", len(ids))
	}
}

// droppedBlobs removes contents that have lost their name, a little later.
func (o *Orchestrator) droppedBlobs(ids []string) {
	s := &o.staging
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || o.cfg.Blobs == nil {
		return
	}
	if s.timers == nil {
		s.timers = map[*time.Timer]bool{}
	}
	var t *time.Timer
	t = time.AfterFunc(o.cfg.DropFilesAfter, func() {
		s.mu.Lock()
		delete(s.timers, t)
		s.mu.Unlock()
		o.background(func(ctx context.Context) { o.deleteBlobs(ctx, ids) })
	})
	s.timers[t] = true
}

// stop leaves what is still to be removed to the sweep.
func (s *staging) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for t := range s.timers {
		t.Stop()
	}
}
