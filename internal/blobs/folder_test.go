package blobs

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const app = "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a"

// exercise is what every place for contents must do. back makes what is there
// look older.
func exercise(t *testing.T, b picloud.Blobs, age func(t *testing.T, by time.Duration)) {
	ctx := t.Context()
	ids := picloud.NewIDs(time.Now, rand.Reader)
	id := app + "/" + ids.New()
	got, err := b.Put(ctx, id, strings.NewReader("content"), 7)
	want := picloud.Blob{ID: id, Size: 7, Hash: "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"}
	if err != nil || got != want {
		t.Fatalf("put: %+v, %v, want %+v", got, err, want)
	}
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 7, "content"}, {3, 2, "te"}, {3, 100, "tent"}, {7, 1, ""}} {
		if s := read(t, b, id, c.offset, c.length); s != c.want {
			t.Errorf("%d bytes from %d: %q, want %q", c.length, c.offset, s, c.want)
		}
	}
	empty := app + "/" + ids.New()
	if got, err := b.Put(ctx, empty, strings.NewReader(""), 0); err != nil || got.Size != 0 {
		t.Errorf("put nothing: %+v, %v", got, err)
	}
	large := app + "/" + ids.New()
	if _, err := b.Put(ctx, large, strings.NewReader("content"), 6); !picloud.IsCode(err, picloud.CodeQuotaFiles) {
		t.Errorf("put one byte too many: %v", err)
	}
	broken := app + "/" + ids.New()
	if _, err := b.Put(ctx, broken, io.MultiReader(strings.NewReader("con"), failing{}), 7); !errors.Is(err, errBroken) {
		t.Errorf("put what breaks: %v", err)
	}
	for _, none := range []string{large, broken, app + "/" + ids.New(), "../../etc/passwd", app, app + "/../x", ""} {
		if r, err := b.Open(ctx, none, 0, 1); !picloud.IsCode(err, picloud.CodeNotFound) {
			t.Errorf("open %q: %v, %v", none, r, err)
		}
	}
	exerciseSweep(t, b, ids, id, empty, age)
	if err := b.Delete(ctx, []string{id, id, large}); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := b.Open(ctx, id, 0, 1); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("open what is gone: %v", err)
	}
}

// exerciseSweep sweeps all but what is known and what is new.
func exerciseSweep(t *testing.T, b picloud.Blobs, ids *picloud.IDs, named, orphan string, age func(*testing.T, time.Duration)) {
	known := func(_ context.Context, asked []string) ([]string, error) {
		var list []string
		for _, id := range asked {
			if id == named {
				list = append(list, id)
			}
		}
		return list, nil
	}
	sweep := func(want int64) {
		t.Helper()
		if gone, err := Sweep(t.Context(), b, known, time.Now()); err != nil || gone != want {
			t.Errorf("swept %d, %v, want %d", gone, err, want)
		}
	}
	sweep(0) // all of it is new
	age(t, 2*grace)
	young := app + "/" + ids.New()
	if _, err := b.Put(t.Context(), young, strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	sweep(1)
	if _, err := b.Open(t.Context(), orphan, 0, 1); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("the orphan is there: %v", err)
	}
	if read(t, b, named, 0, 7) != "content" || read(t, b, young, 0, 1) != "x" {
		t.Error("what is named, or new, was swept")
	}
}

func read(t *testing.T, b picloud.Blobs, id string, offset, length int64) string {
	t.Helper()
	r, err := b.Open(t.Context(), id, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var errBroken = errors.New("the line broke")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "files")
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	half := filepath.Join(dir, incoming, "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7b")
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil { // as a crash leaves it
		t.Fatal(err)
	}
	exercise(t, f, func(t *testing.T, by time.Duration) {
		err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				then := time.Now().Add(-by)
				err = os.Chtimes(name, then, then)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left half written is there: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, incoming))
	if err != nil || len(left) != 0 {
		t.Errorf("left half written: %v, %v", left, err)
	}
}

// TestFolderKeepsWithin has a link in the folder lead out of it.
func TestFolderKeepsWithin(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a"
	if err := os.Symlink(outside, filepath.Join(dir, app)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Put(t.Context(), app+"/"+name, strings.NewReader("x"), 1); err == nil {
		t.Error("written through a link that leads out of the folder")
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("outside there are %v", left)
	}
}
