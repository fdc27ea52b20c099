package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/picloud/picloud/internal/blobs"
)

func filesUsage(r role) string {
	where := "none: scripts cannot keep files"
	if !r.cluster {
		where = "files in --data, and none with --database"
	}
	return "folder of the contents of files, which all processes on a database share (default " + where + ")"
}

// openBlobs opens the place where the contents of files are, if there is one. A
// database that several processes may share has none by itself: a folder of one
// machine would be another one on the next.
func (s *server) openBlobs() error {
	dir := s.settings.files
	if dir == "" && s.settings.database == "" {
		dir = filepath.Join(s.settings.data, "files")
	}
	if dir == "" {
		return nil
	}
	folder, err := blobs.OpenFolder(dir)
	if err != nil {
		return err
	}
	s.onClose(folder.Close)
	s.blobs = folder
	return nil
}

// sweepBlobs removes contents that no file has.
func (s *server) sweepBlobs(ctx context.Context) (int64, error) {
	if s.blobs == nil {
		return 0, nil
	}
	return blobs.Sweep(ctx, s.blobs, s.store.KnownBlobs, time.Now())
}
