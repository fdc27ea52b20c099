package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var dataCases = []testCase{
	{"what is written comes back, and what is not there is absent", func(f *fixture) {
		app := f.defaultApp()
		later := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		f.ok(f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{
			{Key: "a", Kind: picloud.ValueJSON, Value: []byte(`{"n":1}`)},
			{Key: "b/ü", Kind: picloud.ValueBytes, Value: []byte{0, 255, 10}, ExpiresAt: later},
			{Key: "empty", Kind: picloud.ValueBytes},
		}}))
		got, err := f.ReadEntries(f.ctx, app, []string{"b/ü", "none", "a", "empty"})
		f.ok(err)
		same(f, "entries", len(got), 4)
		same(f, "bytes", string(got[0].Value), "\x00\xff\n")
		same(f, "kind", got[0].Kind, picloud.ValueBytes)
		same(f, "expiry", got[0].ExpiresAt, later)
		same(f, "absent", got[1].Version, 0)
		same(f, "absent key's name", got[1].Key, "none")
		same(f, "json", string(got[2].Value), `{"n":1}`)
		same(f, "no expiry", got[2].ExpiresAt.IsZero(), true)
		same(f, "one commit, one version", got[0].Version, got[2].Version)
		same(f, "an empty value is there", got[3].Version > 0 && len(got[3].Value) == 0, true)
	}},
	{"versions grow from commit to commit, and a removed key is absent", func(f *fixture) {
		app := f.defaultApp()
		f.ok(f.set(app, "k", "1"))
		first := f.version(app, "k")
		f.ok(f.set(app, "k", "2"))
		second := f.version(app, "k")
		same(f, "grows", second > first, true)
		f.ok(f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{{Key: "k", Delete: true}, {Key: "never", Delete: true}}}))
		same(f, "absent", f.version(app, "k"), 0)
		f.ok(f.set(app, "k", "3"))
		same(f, "grows over a removal", f.version(app, "k") > second, true)
	}},
	{"a commit is refused when a key that it saw has changed, and leaves nothing", func(f *fixture) {
		app := f.defaultApp()
		f.ok(f.set(app, "k", "1"))
		seen := f.version(app, "k")
		f.ok(f.set(app, "k", "2"))
		r := f.record(f.deploy("hello", "1").Script, time.Now(), "a line")
		err := f.Commit(f.ctx, picloud.Commit{AppID: app, Record: &r, Effects: picloud.Effects{
			Reads:  []picloud.KeyRead{{Key: "k", Version: seen}},
			Writes: []picloud.KeyWrite{{Key: "other", Kind: picloud.ValueJSON, Value: []byte("1")}},
		}})
		f.stale(err)
		same(f, "no effect", f.version(app, "other"), 0)
		_, err = f.InvocationByID(f.ctx, picloud.DefaultApp, r.Invocation.ID)
		f.code(err, picloud.CodeNotFound)
		f.ok(f.commit(app, picloud.Effects{Reads: []picloud.KeyRead{{Key: "k", Version: f.version(app, "k")}}}))
	}},
	{"an absence that was seen must last", func(f *fixture) {
		app := f.defaultApp()
		absent := picloud.Effects{Reads: []picloud.KeyRead{{Key: "k"}}}
		f.ok(f.Unchanged(f.ctx, app, &absent))
		f.ok(f.set(app, "k", "1"))
		f.stale(f.Unchanged(f.ctx, app, &absent))
		f.stale(f.commit(app, absent))
	}},
	{"a range that was seen must neither gain nor lose nor change a key", func(f *fixture) {
		for _, c := range []struct {
			name  string
			write picloud.KeyWrite
			stale bool
		}{
			{"gains", picloud.KeyWrite{Key: "p/3", Kind: picloud.ValueJSON, Value: []byte("1")}, true},
			{"loses", picloud.KeyWrite{Key: "p/1", Delete: true}, true},
			{"loses the newest", picloud.KeyWrite{Key: "p/2", Delete: true}, true},
			{"changes", picloud.KeyWrite{Key: "p/1", Kind: picloud.ValueJSON, Value: []byte("9")}, true},
			{"before it", picloud.KeyWrite{Key: "o", Kind: picloud.ValueJSON, Value: []byte("1")}, false},
			{"after it", picloud.KeyWrite{Key: "q", Kind: picloud.ValueJSON, Value: []byte("1")}, false},
		} {
			app := f.newApp()
			f.ok(f.set(app, "p/1", "1"))
			f.ok(f.set(app, "p/2", "2"))
			seen := f.lookAt(app, "p/")
			f.ok(f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{c.write}}))
			err := f.Unchanged(f.ctx, app, &seen)
			same(f, c.name+": stale", errors.Is(err, picloud.ErrStale), c.stale)
		}
	}},
	{"a range that lost one key and gained another has changed", func(f *fixture) {
		app := f.defaultApp()
		f.ok(f.set(app, "p/1", "1"))
		f.ok(f.set(app, "p/2", "2"))
		seen := f.lookAt(app, "p/")
		f.ok(f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{
			{Key: "p/2", Delete: true}, {Key: "p/3", Kind: picloud.ValueJSON, Value: []byte("3")},
		}}))
		f.stale(f.Unchanged(f.ctx, app, &seen))
	}},
	{"listings are in the order of bytes, in pages, with or without values", func(f *fixture) {
		app := f.defaultApp()
		for _, k := range []string{"b", "a/10", "a/9", "a/ü", "a/Z", "A", "a0"} {
			f.ok(f.set(app, k, `"`+k+`"`))
		}
		from, to := picloud.PrefixRange("a/", "")
		list, err := f.ListEntries(f.ctx, app, picloud.EntryQuery{From: from, To: to})
		f.ok(err)
		same(f, "keys", names(list.Entries), "a/10 a/9 a/Z a/ü")
		same(f, "no values", list.Entries[0].Value == nil, true)
		from, to = picloud.PrefixRange("a/", "a/9")
		list, err = f.ListEntries(f.ctx, app, picloud.EntryQuery{From: from, To: to, Limit: 1, Values: true})
		f.ok(err)
		same(f, "the next page", names(list.Entries), "a/Z")
		same(f, "its value", string(list.Entries[0].Value), `"a/Z"`)
		same(f, "and more", list.More, true)
		list, err = f.ListEntries(f.ctx, app, picloud.EntryQuery{})
		f.ok(err)
		same(f, "all", names(list.Entries), "A a/10 a/9 a/Z a/ü a0 b")
	}},
	{"a listing ends where its values are many bytes, and says so", func(f *fixture) {
		app := f.defaultApp()
		big := strings.Repeat("x", picloud.MaxValueBytes)
		for i := range 7 {
			f.ok(f.set(app, fmt.Sprint(i), big))
		}
		page, err := f.ListEntries(f.ctx, app, picloud.EntryQuery{Values: true})
		f.ok(err)
		same(f, "below the bound", len(page.Entries), 7)
		same(f, "whole", page.More, false)
	}},
	{"an expired key is absent everywhere, and swept away", func(f *fixture) {
		app := f.defaultApp()
		past := time.Now().Add(-time.Second)
		f.ok(f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{
			{Key: "old", Kind: picloud.ValueJSON, Value: []byte("1"), ExpiresAt: past},
			{Key: "young", Kind: picloud.ValueJSON, Value: []byte("1"), ExpiresAt: time.Now().Add(time.Hour)},
		}}))
		same(f, "read", f.version(app, "old"), 0)
		list, err := f.ListEntries(f.ctx, app, picloud.EntryQuery{})
		f.ok(err)
		same(f, "listed", names(list.Entries), "young")
		f.ok(f.Unchanged(f.ctx, app, &picloud.Effects{Reads: []picloud.KeyRead{{Key: "old"}}}))
		n, err := f.SweepEntries(f.ctx, time.Now())
		f.ok(err)
		same(f, "swept", n, 1)
		u, err := f.Usage(f.ctx, app)
		f.ok(err)
		same(f, "kept", u, picloud.DataUsage{Keys: 1, Bytes: int64(len("young") + 1), Quota: u.Quota})
		f.ok(f.set(app, "old", "2"))
		same(f, "written anew", f.version(app, "old") > 0, true)
	}},
	{"usage follows every write", func(f *fixture) {
		app := f.defaultApp()
		want := func(keys, bytes int64) {
			f.Helper()
			u, err := f.Usage(f.ctx, app)
			f.ok(err)
			same(f, "usage", u, picloud.DataUsage{Keys: keys, Bytes: bytes, Quota: u.Quota})
			same(f, "a quota is told", u.Quota > 0, true)
		}
		want(0, 0)
		f.ok(f.set(app, "key", "12345"))
		want(1, 8)
		f.ok(f.set(app, "key", "1"))
		want(1, 4)
		f.ok(f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{{Key: "key", Delete: true}, {Key: "none", Delete: true}}}))
		want(0, 0)
	}},
	{"an app over its quota may shrink, and nothing else", func(f *fixture) {
		app := f.defaultApp()
		big := strings.Repeat("x", picloud.MaxValueBytes)
		var err error
		n := 0
		for ; err == nil && n < 64; n++ {
			err = f.set(app, fmt.Sprintf("k%02d", n), big)
		}
		f.code(err, picloud.CodeQuota)
		same(f, "refused wholly", f.version(app, fmt.Sprintf("k%02d", n-1)), 0)
		f.ok(f.set(app, "k00", "1"))
		f.ok(f.set(app, "fits", "1"))
		other := f.newApp()
		f.ok(f.set(other, "another app", big))
	}},
	{"concurrent commits are all made, each with its record, and lose no update", func(f *fixture) {
		app, sc := f.defaultApp(), f.deploy("hello", "1").Script
		const callers, each = 16, 20
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for range each {
					if err := f.increment(app, "shared", sc); err != nil {
						f.Errorf("caller %d: %v", c, err)
						return
					}
				}
			})
		}
		wg.Wait()
		got, err := f.ReadEntries(f.ctx, app, []string{"shared"})
		f.ok(err)
		same(f, "sum", string(got[0].Value), fmt.Sprint(callers*each))
		same(f, "records", len(f.invocations(picloud.RecordQuery{Limit: picloud.MaxPage})), callers*each)
	}},
	{"an app sees nothing of another", func(f *fixture) {
		one, two := f.newApp(), f.newApp()
		f.ok(f.set(one, "k", "1"))
		same(f, "other app", f.version(two, "k"), 0)
		list, err := f.ListEntries(f.ctx, two, picloud.EntryQuery{})
		f.ok(err)
		same(f, "other app's list", len(list.Entries), 0)
	}},
}

// defaultApp is the id of the default app.
func (f *fixture) defaultApp() string {
	f.Helper()
	a, err := f.AppByName(f.ctx, picloud.DefaultApp)
	f.ok(err)
	return a.ID
}

// newApp makes an app and is its id.
func (f *fixture) newApp() string {
	f.Helper()
	id := f.ids.New()
	a, err := f.CreateApp(f.ctx, "app-"+id[len(id)-12:])
	f.ok(err)
	return a.ID
}

// commit commits effects with a record of nothing in particular.
func (f *fixture) commit(app string, e picloud.Effects) error {
	r := picloud.Record{Invocation: picloud.Invocation{ID: f.ids.New(), AppID: app, Status: picloud.StatusOK, StartedAt: time.Now()}}
	return f.Commit(f.ctx, picloud.Commit{AppID: app, Effects: e, Record: &r})
}

// set writes one key without looking.
func (f *fixture) set(app, key, value string) error {
	return f.commit(app, picloud.Effects{Writes: []picloud.KeyWrite{{Key: key, Kind: picloud.ValueJSON, Value: []byte(value)}}})
}

func (f *fixture) version(app, key string) int64 {
	f.Helper()
	got, err := f.ReadEntries(f.ctx, app, []string{key})
	f.ok(err)
	return got[0].Version
}

// lookAt is what a listing of a prefix has seen.
func (f *fixture) lookAt(app, prefix string) picloud.Effects {
	f.Helper()
	from, to := picloud.PrefixRange(prefix, "")
	list, err := f.ListEntries(f.ctx, app, picloud.EntryQuery{From: from, To: to})
	f.ok(err)
	r := picloud.RangeRead{From: from, To: to, Count: len(list.Entries)}
	for _, e := range list.Entries {
		r.Newest = max(r.Newest, e.Version)
	}
	return picloud.Effects{Ranges: []picloud.RangeRead{r}}
}

// increment adds one to a number, as often as it takes.
func (f *fixture) increment(app, key string, sc picloud.Script) error {
	for range 10_000 {
		got, err := f.ReadEntries(f.ctx, app, []string{key})
		if err != nil {
			return err
		}
		n := 0
		if got[0].Version > 0 {
			if _, err := fmt.Sscan(string(got[0].Value), &n); err != nil {
				return err
			}
		}
		r := f.record(sc, time.Now())
		err = f.Commit(f.ctx, picloud.Commit{AppID: app, Record: &r, Effects: picloud.Effects{
			Reads:  []picloud.KeyRead{{Key: key, Version: got[0].Version}},
			Writes: []picloud.KeyWrite{{Key: key, Kind: picloud.ValueJSON, Value: fmt.Append(nil, n+1)}},
		}})
		if !errors.Is(err, picloud.ErrStale) {
			return err
		}
	}
	return errors.New("never got through")
}

// stale wants the error of a commit that came too late.
func (f *fixture) stale(err error) {
	f.Helper()
	if !errors.Is(err, picloud.ErrStale) {
		f.Fatalf("error %v, want %v", err, picloud.ErrStale)
	}
}

func names(list []picloud.Entry) string {
	var b strings.Builder
	for i, e := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Key)
	}
	return b.String()
}
