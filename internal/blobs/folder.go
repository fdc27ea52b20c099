package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Folder keeps blobs as files below a folder, which nothing outside of it can be
// reached through: APP/XX/ID, where XX are the last digits of the id.
type Folder struct{ root *os.Root }

var _ picloud.Blobs = (*Folder)(nil)

// incoming is where blobs are while they are written.
const incoming = "incoming"

// OpenFolder opens a folder, which is made when absent. Close gives it back.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of files: %w", err)
	}
	if err := root.MkdirAll(incoming, 0o700); err != nil {
		root.Close()
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	return &Folder{root}, nil
}

// Close gives the folder back.
func (f *Folder) Close() error { return f.root.Close() }

// place is where a blob is; an id is APP/ID, both of them UUIDs.
func place(id string) (string, error) {
	app, name, ok := strings.Cut(id, "/")
	if !ok || picloud.ValidateID("blob", app) != nil || picloud.ValidateID("blob", name) != nil {
		return "", picloud.Errorf(picloud.CodeNotFound, "there is no such content")
	}
	return path.Join(app, name[len(name)-2:], name), nil
}

// Put implements [picloud.Blobs]: written whole and synced, then renamed, and the
// name synced.
func (f *Folder) Put(_ context.Context, id string, r io.Reader, limit int64) (b picloud.Blob, err error) {
	at, err := place(id)
	if err != nil {
		return b, err
	}
	temporary := path.Join(incoming, path.Base(at))
	b.ID = id
	if b.Size, b.Hash, err = f.write(temporary, r, limit); err == nil {
		err = f.publish(temporary, at)
	}
	if err != nil {
		return picloud.Blob{}, errors.Join(err, ignoreAbsent(f.root.Remove(temporary)))
	}
	return b, nil
}

// write writes a new file, and syncs it.
func (f *Folder) write(name string, r io.Reader, limit int64) (size int64, hash string, err error) {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, "", fmt.Errorf("write a file's content: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(file, sum), io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return 0, "", err // of the reader, or of the disk
	case size > limit:
		return 0, "", tooLarge(limit)
	}
	return size, hex.EncodeToString(sum.Sum(nil)), file.Sync()
}

func tooLarge(limit int64) error {
	return picloud.Errorf(picloud.CodeQuotaFiles, "the content is larger than the %d bytes that it may have", limit)
}

// publish moves a file to its place, so that it is there after a crash.
func (f *Folder) publish(from, to string) error {
	dir := path.Dir(to)
	if err := f.root.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder for contents: %w", err)
	}
	if err := f.root.Rename(from, to); err != nil {
		return fmt.Errorf("put a content in its place: %w", err)
	}
	for _, d := range [...]string{dir, path.Dir(dir), "."} {
		if err := f.syncFolder(d); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) syncFolder(name string) error {
	d, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open implements [picloud.Blobs].
func (f *Folder) Open(_ context.Context, id string, offset, length int64) (io.ReadCloser, error) {
	at, err := place(id)
	if err != nil {
		return nil, err
	}
	file, err := f.root.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, picloud.Errorf(picloud.CodeNotFound, "there is no such content")
	}
	if err != nil {
		return nil, fmt.Errorf("open a file's content: %w", err)
	}
	return &part{io.NewSectionReader(file, offset, length), file}, nil
}

// part is a piece of a file, and closes it.
type part struct {
	io.Reader
	io.Closer
}

// Delete implements [picloud.Blobs].
func (f *Folder) Delete(_ context.Context, ids []string) error {
	var errs []error
	for _, id := range ids {
		at, err := place(id)
		if err == nil {
			err = ignoreAbsent(f.root.Remove(at))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Walk implements [picloud.Blobs]. What was left half written before the time is
// removed on the way.
func (f *Folder) Walk(ctx context.Context, before time.Time, found func(id string) error) error {
	return fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return ignoreAbsent(err)
		}
		info, err := d.Info()
		if err != nil || !info.ModTime().Before(before) {
			return ignoreAbsent(err)
		}
		parts := strings.Split(name, "/")
		switch {
		case parts[0] == incoming:
			return ignoreAbsent(f.root.Remove(name))
		case len(parts) == 3:
			return found(parts[0] + "/" + parts[2])
		}
		return nil
	})
}
