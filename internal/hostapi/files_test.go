package hostapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// ListFiles implements FileData.
func (s *shelf) ListFiles(_ context.Context, q picloud.FileQuery) (page picloud.FilePage, err error) {
	for _, f := range s.files {
		if f.Name >= q.From && (q.To == "" || f.Name < q.To) {
			page.Files = append(page.Files, f)
		}
	}
	slices.SortFunc(page.Files, func(a, b picloud.File) int { return strings.Compare(a.Name, b.Name) })
	if page.More = len(page.Files) > q.Limit; page.More {
		page.Files = page.Files[:q.Limit]
	}
	return page, s.err
}

// ReadBlob implements FileData.
func (s *shelf) ReadBlob(_ context.Context, p picloud.BlobPart) ([]byte, error) {
	b, ok := s.blobs[p.ID]
	if !ok {
		return nil, picloud.NotFound("content", p.ID)
	}
	return []byte(b[p.Offset : p.Offset+p.Length]), nil
}

// StageBlob implements FileData.
func (s *shelf) StageBlob(_ context.Context, content []byte) (picloud.Blob, error) {
	if s.blobs == nil {
		s.blobs = map[string]string{}
	}
	id := fmt.Sprint("staged-", len(s.blobs))
	s.blobs[id] = string(content)
	sum := sha256.Sum256(content)
	return picloud.Blob{ID: id, Size: int64(len(content)), Hash: hex.EncodeToString(sum[:])}, s.err
}

// leftFiles writes what a run wants to do to files on one line.
func leftFiles(e *picloud.Effects) string {
	if e == nil {
		return ""
	}
	var parts []string
	for _, r := range e.FileRanges {
		parts = append(parts, fmt.Sprintf("[%s,%s)=%d@%d", r.From, r.To, r.Count, r.Newest))
	}
	for _, w := range e.FileWrites {
		if w.Delete {
			parts = append(parts, w.Name+"=-")
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%s/%d/%s/%v", w.Name, w.Blob, w.Size, w.Type, w.Public))
	}
	return strings.ReplaceAll(strings.Join(parts, " "), "\x00", "~")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, result, effects string }{
		{`files::get("a.txt").as_string()`, `content of a`, `[a.txt,a.txt~)=1@3`},
		{`[files::text("a.txt"), files::text("none"), files::get("none")]`, `["content of a",null,null]`, `[a.txt,a.txt~)=1@3 [none,none~)=0@0`},
		{`[files::get_range("a.txt", 8, 2).as_string(), files::get_range("a.txt", 8, 100).as_string(), files::get_range("a.txt", 90, 1).len()]`, `["of","of a",0]`, `[a.txt,a.txt~)=1@3`},
		{`let i = files::info("a.txt"); [i.name, i.size, i.type, i.open, i.hash, i.version, i.written_at]`, `["a.txt",12,"text/plain",true,"h",3,7]`, `[a.txt,a.txt~)=1@3`},
		{`files::put("b", "text").size`, `4`, `b=staged-2/4/text/plain; charset=utf-8/false`},
		{`files::put("b", blob(3, 7), #{type: "image/PNG", open: true}); let i = files::info("b"); [files::get("b").len(), i.type, i.open, i.version == ()]`, `[3,"image/png",true,true]`, `b=staged-2/3/image/png/true`},
		{`files::put("a.txt", "new"); files::text("a.txt")`, `new`, `a.txt=staged-2/3/text/plain; charset=utf-8/false`},
		{`[files::delete("a.txt"), files::has("a.txt"), files::delete("none")]`, `[true,false,false]`, `[a.txt,a.txt~)=1@3 [none,none~)=0@0 a.txt=-`},
		{`files::put("d/2", ""); files::delete("d/1"); files::list("d/").map(|f| f.name)`, `["d/2"]`, `[d/1,d/1~)=1@4 [d/,d0)=1@4 d/1=- d/2=staged-2/0/text/plain; charset=utf-8/false`},
		{`files::list("", #{limit: 1}).map(|f| f.name)`, `["a.txt"]`, `[,a.txt~)=1@3`},
		{`files::list("", #{after: "a.txt"}).map(|f| f.name)`, `["d/1"]`, `[a.txt~,)=1@4`},
		{`files::url("a b/ü?.txt")`, `/_picloud/files/a%20b/%C3%BC%3F.txt`, ``},
	} {
		data := &shelf{files: []picloud.File{
			{Name: "a.txt", Version: 3, Blob: "x", Size: 12, Hash: "h", Type: "text/plain", Public: true, WrittenAt: time.Unix(7, 0)},
			{Name: "d/1", Version: 4, Blob: "y", Size: 1, Hash: "i", Type: "text/plain"},
		}, blobs: map[string]string{"x": "content of a", "y": "1"}}
		result, inv := runKV(t, data, c.source)
		if result != c.result {
			t.Errorf("%s: %s, want %s", c.source, result, c.result)
		}
		if got := leftFiles(inv.Effects()); got != c.effects {
			t.Errorf("%s leaves %q, want %q", c.source, got, c.effects)
		}
	}
}

func TestFilesRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, want string }{
		{`files::put("/a", "x")`, "between its slashes"},
		{`files::put("a/../b", "x")`, "between its slashes"},
		{`files::put("", "x")`, "the name is empty"},
		{`files::put("a\\b", "x")`, "backslash"},
		{`files::put("a", 7)`, "a string or a blob"},
		{`files::put("a", "x", #{kind: "text/plain"})`, "there is no option"},
		{`files::put("a", "x", #{type: "nonsense"})`, "is not a media type"},
		{`files::put("a", "x", #{open: 1})`, "true or false"},
		{`files::get_range("a", -1, 1)`, "a range begins"},
		{`files::get_range("a", 0, 9000000)`, "at most 8388608"},
		{`files::get("big")`, "see files::get_range"},
		{`files::list("", #{limit: 0})`, "1 to 1000"},
		{`for i in 0..101 { files::put("f" + i, "x") }`, "100 files"},
		{`for i in 0..201 { files::put("f", "x") }`, "200 contents"},
	} {
		data := &shelf{files: []picloud.File{{Name: "big", Version: 1, Blob: "b", Size: 9 << 20}}}
		result, _ := runKV(t, data, c.source)
		if !strings.HasPrefix(result, "error: ") || !strings.Contains(result, c.want) {
			t.Errorf("%s: %s, want an error with %q", c.source, result, c.want)
		}
	}
	if _, inv := runKV(t, &shelf{files: []picloud.File{{Name: "a", Version: 1, Blob: "gone", Size: 1}}}, `try { files::get("a") } catch { 7 }`); !picloud.IsCode(inv.Failed(), picloud.CodeStale) {
		t.Errorf("a content that is gone: %v", inv.Failed())
	}
}
