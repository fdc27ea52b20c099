// Package backup keeps copies of the embedded database in a folder: makes
// them, lists them, hands them out and drops them.
package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Source is what is backed up.
type Source interface {
	// Backup writes a copy of everything as it is at one moment to a new
	// file, which is on disk when Backup returns.
	Backup(ctx context.Context, path string) error
}

// Copy is a backup.
type Copy struct {
	Name   string
	Bytes  int64
	MadeAt time.Time
}

// Shelf is the folder of the backups. It is safe for concurrent use.
type Shelf struct {
	dir    string
	source Source
	now    func() time.Time

	making sync.Mutex // one at a time: a copy is as large as the database
}

// NewShelf is the shelf in a folder, which is made with the first backup.
func NewShelf(dir string, source Source, now func() time.Time) *Shelf {
	return &Shelf{dir: dir, source: source, now: now}
}

// names of copies are made of their time; anything else in the folder is not a
// copy. The part is what a process that was killed in the middle leaves.
var name = regexp.MustCompile(`^picloud-[0-9]{8}T[0-9]{6}\.[0-9]{3}Z\.db$`)

const (
	nameLayout = "picloud-20060102T150405.000Z.db"
	partial    = "partial.db"
)

// Make makes a copy. It appears on the shelf when it is complete. While
// another is being made it fails with CodeConflict.
func (s *Shelf) Make(ctx context.Context) (Copy, error) {
	if !s.making.TryLock() {
		return Copy{}, picloud.Errorf(picloud.CodeConflict, "another backup is being made")
	}
	defer s.making.Unlock()
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Copy{}, err
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return Copy{}, err
	}
	defer root.Close()
	if err := root.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Copy{}, err
	}
	if err := s.source.Backup(ctx, s.dir+string(os.PathSeparator)+partial); err != nil {
		return Copy{}, err
	}
	made := s.now().UTC().Format(nameLayout)
	if err := root.Rename(partial, made); err != nil {
		return Copy{}, err
	}
	return stat(root, made)
}

func stat(root *os.Root, name string) (Copy, error) {
	info, err := root.Stat(name)
	if err != nil {
		return Copy{}, err
	}
	at, err := time.Parse(nameLayout, name)
	if err != nil {
		at = info.ModTime()
	}
	return Copy{Name: name, Bytes: info.Size(), MadeAt: at}, nil
}

// List lists the copies, the newest first.
func (s *Shelf) List() ([]Copy, error) {
	root, err := os.OpenRoot(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var list []Copy
	for _, e := range entries {
		if !e.Type().IsRegular() || !name.MatchString(e.Name()) {
			continue
		}
		c, err := stat(root, e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted just now
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Copy) int { return cmp.Compare(b.Name, a.Name) })
	return list, nil
}

// Open opens a copy to be read; CodeNotFound if there is none of that name.
func (s *Shelf) Open(copyName string) (*os.File, error) {
	var f *os.File
	err := s.at(copyName, func(root *os.Root) (err error) {
		f, err = root.Open(copyName)
		return err
	})
	return f, err
}

// Delete drops a copy; CodeNotFound if there is none of that name.
func (s *Shelf) Delete(copyName string) error {
	return s.at(copyName, func(root *os.Root) error { return root.Remove(copyName) })
}

// at does something with a copy.
func (s *Shelf) at(copyName string, do func(*os.Root) error) error {
	if !name.MatchString(copyName) {
		return picloud.NotFound("backup", copyName)
	}
	root, err := os.OpenRoot(s.dir)
	if err == nil {
		defer root.Close()
		err = do(root)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return picloud.NotFound("backup", copyName)
	}
	if err != nil {
		return fmt.Errorf("backup %s: %w", copyName, err)
	}
	return nil
}
