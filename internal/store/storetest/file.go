package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
)

var fileCases = []testCase{
	{"a file comes back as it was written", func(f *fixture) {
		app := f.defaultApp()
		w := f.file("a/é.txt", 12)
		w.Public = true
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{w}}))
		got := f.list(app, picloud.FileQuery{})
		same(f, "files", len(got), 1)
		same(f, "it is recent", got[0].WrittenAt.IsZero(), false)
		same(f, "file", picloud.FileWrite{Name: got[0].Name, Blob: got[0].Blob, Size: got[0].Size, Hash: got[0].Hash, Type: got[0].Type, Public: got[0].Public}, w)
		known, err := f.KnownBlobs(f.ctx, []string{"nobody's", w.Blob})
		f.ok(err)
		same(f, "known", fmt.Sprint(known), "["+w.Blob+"]")
		g, err := f.CurrentGauge(f.ctx, app)
		f.ok(err)
		same(f, "bytes", g.FileBytes, 12)
	}},
	{"names are listed in the order of their bytes, by page", func(f *fixture) {
		app := f.defaultApp()
		for _, name := range []string{"b", "a/2", "ä", "a/10"} {
			f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{f.file(name, 1)}}))
		}
		from, to := picloud.PrefixRange("a/", "")
		same(f, "a prefix", fileNames(f.list(app, picloud.FileQuery{From: from, To: to})), "a/10 a/2")
		page, err := f.ListFiles(f.ctx, app, picloud.FileQuery{Limit: 2})
		f.ok(err)
		same(f, "a page", fileNames(page.Files), "a/10 a/2")
		same(f, "there is more", page.More, true)
		same(f, "one", fileNames(f.list(app, picloud.OneFile("b"))), "b")
		same(f, "none", fileNames(f.list(f.newApp(), picloud.FileQuery{})), "")
	}},
	{"what loses its name is told, after the commit", func(f *fixture) {
		app := f.defaultApp()
		var mu sync.Mutex
		var told []string
		cancel := f.OnDropped(func(ids []string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, ids...)
		})
		first, second := f.file("a", 5), f.file("a", 7)
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{first}}))
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{second}}))
		public := second
		public.Public = true // the same content
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{public}}))
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{{Name: "a", Delete: true}, {Name: "none", Delete: true}}}))
		cancel()
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{first}}))
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{{Name: "a", Delete: true}}}))
		mu.Lock()
		defer mu.Unlock()
		same(f, "told", fmt.Sprint(told), fmt.Sprint([]string{first.Blob, second.Blob}))
		g, err := f.CurrentGauge(f.ctx, app)
		f.ok(err)
		same(f, "bytes left", g.FileBytes, 0)
	}},
	{"a commit on files that have changed is refused", func(f *fixture) {
		app := f.defaultApp()
		seen := func(q picloud.FileQuery) picloud.Effects {
			page, err := f.ListFiles(f.ctx, app, q)
			f.ok(err)
			r := picloud.RangeRead{From: q.From, To: q.To, Count: len(page.Files)}
			for _, one := range page.Files {
				r.Newest = max(r.Newest, one.Version)
			}
			return picloud.Effects{FileRanges: []picloud.RangeRead{r}}
		}
		absent, none := seen(picloud.OneFile("a")), seen(picloud.OneFile("b"))
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{f.file("a", 1)}}))
		same(f, "it was absent", errors.Is(f.commit(app, absent), picloud.ErrStale), true)
		f.ok(f.commit(app, none))
		same(f, "unchanged", errors.Is(f.Unchanged(f.ctx, app, &absent), picloud.ErrStale), true)
		f.ok(f.Unchanged(f.ctx, app, &none))
		all := seen(picloud.FileQuery{})
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{f.file("a", 2)}}))
		same(f, "it was written anew", errors.Is(f.commit(app, all), picloud.ErrStale), true)
	}},
	{"files are held to their quota, and a content belongs to one", func(f *fixture) {
		app := f.defaultApp()
		f.quota(picloud.QuotaFiles, 100)
		a := f.file("a", 60)
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{a}}))
		f.code(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{f.file("b", 50)}}), picloud.CodeQuotaFiles)
		same(f, "nothing of it", fileNames(f.list(app, picloud.FileQuery{})), "a")
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{f.file("a", 90)}}))
		again := a
		again.Name = "c"
		again.Size = 1
		f.ok(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{{Name: "a", Delete: true}, again}}))
		again.Name = "d"
		f.code(f.commit(app, picloud.Effects{FileWrites: []picloud.FileWrite{again}}), picloud.CodeInvalid)
		f.ok(f.set(app, "key", "1")) // the others of its group are not concerned
	}},
}

// file is a file to be written.
func (f *fixture) file(name string, size int64) picloud.FileWrite {
	return picloud.FileWrite{Name: name, Blob: "blob-" + f.ids.New(), Size: size, Hash: "hash", Type: "text/plain"}
}

func (f *fixture) list(app string, q picloud.FileQuery) []picloud.File {
	f.Helper()
	page, err := f.ListFiles(f.ctx, app, q)
	f.ok(err)
	return page.Files
}

func fileNames(files []picloud.File) string {
	list := make([]string, len(files))
	for i := range files {
		list[i] = files[i].Name
	}
	text := fmt.Sprint(list)
	return text[1 : len(text)-1]
}
