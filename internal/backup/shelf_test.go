package backup_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/backup"
	"github.com/picloud/picloud/internal/picloud"
)

// source writes a text, or fails after a part of it.
type source struct {
	text string
	fail error
	on   func()
}

func (s *source) Backup(_ context.Context, path string) error {
	if s.on != nil {
		s.on()
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(s.text); err != nil {
		return err
	}
	return s.fail
}

func TestShelf(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "backups")
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	src := &source{text: "one"}
	shelf := backup.NewShelf(dir, src, func() time.Time { return now })
	if list, err := shelf.List(); err != nil || len(list) != 0 {
		t.Fatalf("before the first: %v, %v", list, err)
	}
	first, err := shelf.Make(t.Context())
	if err != nil || first.Bytes != 3 || !first.MadeAt.Equal(now) {
		t.Fatalf("made %+v, %v", first, err)
	}
	now = now.Add(time.Millisecond)
	src.text = "second"
	if _, err := shelf.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := shelf.List()
	if err != nil || len(list) != 2 || list[1] != first || list[0].Bytes != 6 {
		t.Fatalf("listed %+v, %v", list, err)
	}
	f, err := shelf.Open(first.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, _ := io.ReadAll(f); string(text) != "one" {
		t.Errorf("it holds %q", text)
	}
	if err := shelf.Delete(first.Name); err != nil {
		t.Fatal(err)
	}
	if err := shelf.Delete(first.Name); picloud.ErrorCode(err) != picloud.CodeNotFound {
		t.Errorf("deleted twice: %v", err)
	}
}

// TestFailedBackup leaves nothing on the shelf, and is no hindrance to the next.
func TestFailedBackup(t *testing.T) {
	t.Parallel()
	src := &source{text: "half", fail: errors.New("the disk is full")}
	shelf := backup.NewShelf(t.TempDir(), src, time.Now)
	if _, err := shelf.Make(t.Context()); !errors.Is(err, src.fail) {
		t.Fatalf("%v", err)
	}
	if list, _ := shelf.List(); len(list) != 0 {
		t.Errorf("it is listed: %v", list)
	}
	src.fail = nil
	if _, err := shelf.Make(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	src := &source{}
	shelf := backup.NewShelf(t.TempDir(), src, time.Now)
	var second error
	src.on = func() { _, second = shelf.Make(t.Context()) }
	if _, err := shelf.Make(t.Context()); err != nil || picloud.ErrorCode(second) != picloud.CodeConflict {
		t.Errorf("%v, and meanwhile %v", err, second)
	}
}

// TestStrangeNames sees to it that nothing but copies can be reached.
func TestStrangeNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(filepath.Dir(dir), "picloud.db")
	for _, path := range []string{outside, filepath.Join(dir, "notes.txt"), filepath.Join(dir, "partial.db")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shelf := backup.NewShelf(dir, &source{}, time.Now)
	if list, err := shelf.List(); err != nil || len(list) != 0 {
		t.Errorf("listed %v, %v", list, err)
	}
	for _, name := range []string{"", "notes.txt", "partial.db", "../picloud.db", "/etc/passwd", "picloud-20261125T030000.000Z.db", "picloud-20261125T030000.000Z.db/../notes.txt", "..", "."} {
		if _, err := shelf.Open(name); picloud.ErrorCode(err) != picloud.CodeNotFound {
			t.Errorf("open %q: %v", name, err)
		}
		if err := shelf.Delete(name); picloud.ErrorCode(err) != picloud.CodeNotFound {
			t.Errorf("delete %q: %v", name, err)
		}
	}
}
