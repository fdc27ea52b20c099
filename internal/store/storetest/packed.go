package storetest

import (
	"fmt"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// packedCases are about many invocations that went well and said nothing, whose
// ids tell when they were made: a store may keep those in a form of its own,
// and nobody must notice.
var packedCases = []testCase{
	{"many quiet successes come back as they were", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var batch []picloud.Record
		for i := range 100 {
			r := f.quiet(sc)
			v := &r.Invocation
			v.HTTPStatus, v.Method, v.Path, v.Version = 200+i%3, "GET", fmt.Sprintf("/ü/%d", i%7), 1+i%2
			v.Duration, v.Operations, v.PeakBytes, v.RequestBytes, v.ResponseBytes = time.Duration(i), int64(i)<<40, 1<<60, 0, int64(i)
			batch = append(batch, r)
		}
		f.ok(f.AddRecords(f.ctx, batch))
		list := f.invocations(picloud.RecordQuery{Ascending: true})
		same(f, "how many", len(list), 100)
		for i, got := range list {
			want := batch[i].Invocation
			want.Seq = got.Seq
			same(f, "invocation", got, want)
			byID, err := f.InvocationByID(f.ctx, picloud.DefaultApp, want.ID)
			f.ok(err)
			same(f, "by id", byID, want)
		}
		_, err := f.InvocationByID(f.ctx, picloud.DefaultApp, f.ids.New())
		f.code(err, picloud.CodeNotFound)
	}},
	{"quiet and loud ones are one history", func(f *fixture) {
		one, two := f.deploy("one", "1").Script, f.deploy("two", "1").Script
		for range 5 {
			f.ok(f.AddRecords(f.ctx, f.mixed(one, two, 20)))
		}
		all := f.invocations(picloud.RecordQuery{Limit: picloud.MaxPage})
		same(f, "all", len(all), 5*20*3)
		f.inOrder(all, false)
		same(f, "of one", len(f.invocations(picloud.RecordQuery{Script: "one", Limit: picloud.MaxPage})), 5*20*2)
		same(f, "failures", len(f.invocations(picloud.RecordQuery{Status: picloud.StatusError, Limit: picloud.MaxPage})), 5*20)
		same(f, "successes", len(f.invocations(picloud.RecordQuery{Status: picloud.StatusOK, Limit: picloud.MaxPage})), 5*20*2)
		same(f, "lines", len(f.logs(picloud.RecordQuery{Limit: picloud.MaxPage})), 5*20)
		for _, limit := range []int{1, 7, 50} {
			f.samePages(all, limit)
		}
		for _, v := range all[:60] {
			got := f.invocations(picloud.RecordQuery{Invocation: v.ID})
			same(f, "by id", len(got) == 1 && got[0].Seq == v.Seq, true)
		}
	}},
	{"quiet ones tried again are entered once, however they were cut", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var batch []picloud.Record
		for range 40 {
			batch = append(batch, f.quiet(sc))
		}
		for _, part := range [][2]int{{0, 20}, {0, 2}, {15, 40}, {38, 40}, {0, 40}} {
			f.ok(f.AddRecords(f.ctx, batch[part[0]:part[1]]))
		}
		f.ok(f.AddRecords(f.ctx, []picloud.Record{f.quiet(sc)}))
		f.ok(f.AddRecords(f.ctx, batch))
		same(f, "invocations", len(f.invocations(picloud.RecordQuery{})), 41)
	}},
	{"quiet ones since a time", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var batch []picloud.Record
		for range 30 {
			batch = append(batch, f.quiet(sc))
		}
		batch[0].Invocation.StartedAt = batch[0].Invocation.StartedAt.Add(-500 * time.Millisecond)
		f.ok(f.AddRecords(f.ctx, batch))
		same(f, "since", len(f.invocations(picloud.RecordQuery{Since: batch[1].Invocation.StartedAt.Add(-100 * time.Millisecond)})), 29)
		same(f, "later", len(f.invocations(picloud.RecordQuery{Since: time.Now().Add(time.Hour)})), 0)
	}},
	{"an id that tells another time is found", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		var batch []picloud.Record
		for i := range 20 {
			r := f.quiet(sc)
			r.Invocation.ID = fmt.Sprintf("01932c07-209f-7c4e-a3b1-5d1f0c9e8b%02x", i)
			if i%2 == 0 {
				r.Invocation.ID = fmt.Sprintf("f01932c0-209f-4c4e-a3b1-5d1f0c9e8b%02x", i)
			}
			batch = append(batch, r)
		}
		f.ok(f.AddRecords(f.ctx, batch))
		for _, r := range batch {
			_, err := f.InvocationByID(f.ctx, picloud.DefaultApp, r.Invocation.ID)
			f.ok(err)
		}
	}},
	{"quiet ones are pruned by age and by size", func(f *fixture) {
		sc := f.deploy("hello", "1").Script
		now := time.Now()
		for range 3 {
			var batch []picloud.Record
			for range 500 {
				batch = append(batch, f.quiet(sc))
			}
			f.ok(f.AddRecords(f.ctx, batch))
		}
		p, err := f.Prune(f.ctx, picloud.Retention{MaxAge: time.Hour}, now)
		f.ok(err)
		same(f, "nothing is that old", p, picloud.Pruned{})
		newest := f.invocations(picloud.RecordQuery{Limit: 1})[0].ID
		p, err = f.Prune(f.ctx, picloud.Retention{MaxBytes: 30_000}, now)
		f.ok(err)
		left := f.invocations(picloud.RecordQuery{Limit: picloud.MaxPage})
		same(f, "some are left, and some are gone", len(left) > 0 && p.Invocations > 0, true)
		same(f, "the newest is there", left[0].ID, newest)
		p, err = f.Prune(f.ctx, picloud.Retention{MaxAge: time.Hour}, now.Add(2*time.Hour))
		f.ok(err)
		same(f, "the rest is too old in a while", p.Invocations > 0, true)
		same(f, "none is left", len(f.invocations(picloud.RecordQuery{})), 0)
	}},
}

// quiet makes a success that said nothing, as the server records it.
func (f *fixture) quiet(sc picloud.Script) picloud.Record {
	return f.record(sc, time.Now().UTC().Truncate(time.Microsecond))
}

// mixed makes a batch of n rounds: quiet ones of two scripts, and a failure
// with a line.
func (f *fixture) mixed(one, two picloud.Script, n int) []picloud.Record {
	var batch []picloud.Record
	for range n {
		loud := f.record(one, time.Now(), "line")
		loud.Invocation.Status = picloud.StatusError
		loud.Invocation.Error = &picloud.InvocationError{Code: picloud.CodeScriptError, Message: "bad"}
		batch = append(batch, f.quiet(one), loud, f.quiet(two))
	}
	return batch
}

// inOrder checks the order of a list, and that nothing is in it twice.
func (f *fixture) inOrder(list []picloud.Invocation, ascending bool) {
	f.Helper()
	for i := 1; i < len(list); i++ {
		if list[i-1].Seq == list[i].Seq || list[i-1].Seq < list[i].Seq != ascending {
			f.Fatalf("number %d comes after %d", list[i].Seq, list[i-1].Seq)
		}
	}
}

// samePages checks that reading in pages, both ways, gives the whole list,
// which has the newest first.
func (f *fixture) samePages(all []picloud.Invocation, limit int) {
	f.Helper()
	before, after := int64(0), int64(0)
	for i := 0; i < len(all); i += limit {
		n := min(limit, len(all)-i)
		back := f.invocations(picloud.RecordQuery{Limit: limit, Before: before})
		forth := f.invocations(picloud.RecordQuery{Limit: limit, Ascending: true, After: after})
		if len(back) != n || len(forth) != n {
			f.Fatalf("pages of %d and %d in place of %d", len(back), len(forth), n)
		}
		for j := range n {
			same(f, "back", back[j].Seq, all[i+j].Seq)
			same(f, "forth", forth[j].Seq, all[len(all)-1-i-j].Seq)
		}
		before, after = back[n-1].Seq, forth[n-1].Seq
	}
	same(f, "the end", len(f.invocations(picloud.RecordQuery{Before: before}))+len(f.invocations(picloud.RecordQuery{Ascending: true, After: after})), 0)
}
