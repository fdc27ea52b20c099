package hostapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// shelf is the data of one app, in memory.
type shelf struct {
	entries map[string]picloud.Entry
	files   []picloud.File
	blobs   map[string]string
	err     error // of every read, if set
}

func newShelf(values ...string) *shelf {
	s := &shelf{entries: map[string]picloud.Entry{}}
	for i := 0; i < len(values); i += 2 {
		s.entries[values[i]] = picloud.Entry{Key: values[i], Version: int64(i/2 + 1), Kind: picloud.ValueJSON, Value: []byte(values[i+1])}
	}
	return s
}

func (s *shelf) ReadEntries(_ context.Context, keys []string) ([]picloud.Entry, error) {
	list := make([]picloud.Entry, len(keys))
	for i, k := range keys {
		if list[i] = s.entries[k]; list[i].Version == 0 {
			list[i].Key = k
		}
	}
	return list, s.err
}

func (s *shelf) ListEntries(_ context.Context, q picloud.EntryQuery) (page picloud.EntryPage, err error) {
	for _, e := range s.entries {
		if e.Key >= q.From && (q.To == "" || e.Key < q.To) {
			page.Entries = append(page.Entries, e)
		}
	}
	slices.SortFunc(page.Entries, func(a, b picloud.Entry) int { return strings.Compare(a.Key, b.Key) })
	if len(page.Entries) > q.Limit {
		page.Entries, page.More = page.Entries[:q.Limit], true
	}
	return page, s.err
}

// runKV runs a script on data and is its result, as JSON or "error: …", with
// what it leaves.
func runKV(t *testing.T, data Data, source string) (string, *Invocation) {
	t.Helper()
	h := newHost(t)
	h.data = data
	resp, _, err := h.run(source, nil)
	if err != nil {
		return "error: " + err.Error(), h.last
	}
	return string(resp.Body), h.last
}

// left writes effects on one line.
func left(e *picloud.Effects) string {
	if e == nil {
		return ""
	}
	var parts []string
	for _, r := range e.Reads {
		parts = append(parts, fmt.Sprintf("%s@%d", r.Key, r.Version))
	}
	for _, r := range e.Ranges {
		parts = append(parts, fmt.Sprintf("[%s,%s)=%d@%d", r.From, r.To, r.Count, r.Newest))
	}
	for _, w := range e.Writes {
		value := string(w.Value)
		switch {
		case w.Delete:
			value = "-"
		case w.Kind == picloud.ValueBytes:
			value = fmt.Sprintf("%x", w.Value)
		}
		if !w.ExpiresAt.IsZero() {
			value += "!" + w.ExpiresAt.Format("15:04:05")
		}
		parts = append(parts, w.Key+"="+value)
	}
	return strings.ReplaceAll(strings.Join(parts, " "), "\x00", "~")
}

func TestKV(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, result, effects string }{
		{`kv::get("a")`, `1`, `a@1`},
		{`[kv::get("none"), kv::get("none", 7), kv::has("none"), kv::has("a")]`, `[null,7,false,true]`, `none@0 a@1`},
		{`kv::set("x", #{n: 1, f: 1.0}); [kv::get("x"), kv::get("x").f]`, `[{"f":1.0,"n":1},1.0]`, `x={"f":1.0,"n":1}`},
		{`kv::set("x", 1); kv::set("x", 2); kv::get("x")`, `2`, `x=2`},
		{`kv::set("b", blob(2, 255)); kv::get("b").len()`, `2`, `b=ffff`},
		{`kv::set("u", ()); [kv::get("u"), kv::has("u")]`, `[null,true]`, `u=null`},
		{`kv::set("t", "x", #{ttl: 90}); kv::entry("t").expires_at`, `1769862690`, `t="x"!12:31:30`},
		{`kv::set("t", "x", #{ttl: 0.5}); 1`, `1`, `t="x"!12:30:00`},
		{`kv::delete("a")`, `true`, `a@1 a=-`},
		{`kv::delete("none")`, `false`, `none@0`},
		{`kv::set("x", 1); [kv::delete("x"), kv::has("x")]`, `[true,false]`, `x=-`},
		{`[kv::incr("a"), kv::incr("a", 5), kv::incr("new", -2)]`, `[2,7,-2]`, `a@1 new@0 a=7 new=-2`},
		{`kv::entry("a")`, `{"expires_at":null,"value":1,"version":1}`, `a@1`},
		{`kv::entry("none") == ()`, `true`, `none@0`},
		{`kv::set("x", 1); kv::entry("x").version == ()`, `true`, `x=1`},
		{`[kv::cas("a", 1, 9), kv::get("a")]`, `[true,9]`, `a@1 a=9`},
		{`[kv::cas("a", 2, 9), kv::get("a")]`, `[false,1]`, `a@1`},
		{`kv::cas("new", 0, "first")`, `true`, `new@0 new="first"`},
		{`kv::list("p/")`, `["p/1","p/2","p/3"]`, `[p/,p0)=3@5`},
		{`kv::list("p/", #{limit: 2})`, `["p/1","p/2"]`, `[p/,p/2~)=2@4`},
		{`kv::list("p/", #{after: "p/2"})`, `["p/3"]`, `[p/2~,p0)=1@5`},
		{`kv::set("p/15", 1); kv::delete("p/2"); kv::set("q", 1); kv::list("p/")`, `["p/1","p/15","p/3"]`, `p/2@4 [p/,p0)=3@5 p/15=1 p/2=- q=1`},
		{`kv::delete("p/1"); kv::list("p/", #{limit: 1})`, `["p/2"]`, `p/1@3 [p/,p/1~)=1@3 [p/1~,p/2~)=1@4 p/1=-`},
		{`kv::entries("p/", #{limit: 1})`, `[{"key":"p/1","value":"one"}]`, `[p/,p/1~)=1@3`},
		{`kv::list("").len()`, `5`, `[,)=5@5`},
	} {
		got, inv := runKV(t, newShelf("a", "1", "b", `"text"`, "p/1", `"one"`, "p/2", "2", "p/3", "3"), c.source)
		if got != c.result || left(inv.Effects()) != c.effects {
			t.Errorf("%s\n got %s, leaves %s\nwant %s, leaves %s", c.source, got, left(inv.Effects()), c.result, c.effects)
		}
	}
}

func TestKVRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ source, message string }{
		{`kv::get("")`, "the key is empty"},
		{`kv::set("a\nb", 1)`, "control character"},
		{`let k = "k"; k.pad(513, 'k'); kv::get(k)`, "513 bytes, at most 512"},
		{`kv::set("k", |x| x)`, "a function has no JSON form"},
		{`kv::set("k", #{b: blob(1)})`, "keep it by itself"},
		{`let s = ""; s.pad(1048577, 'x'); kv::set("k", s)`, "more than the 1048576 bytes"},
		{`kv::set("k", 1, #{tll: 1})`, `no option "tll"`},
		{`kv::set("k", 1, #{ttl: -1})`, "above 0"},
		{`kv::set("k", 1, #{ttl: "x"})`, "above 0"},
		{`kv::set("k", 1, #{ttl: 1e300})`, "at most"},
		{`kv::incr("b")`, "holds no integer"},
		{`kv::set("n", 9223372036854775807); kv::incr("n")`, "out of range"},
		{`kv::set("n", 1.0); kv::incr("n")`, "holds no integer"},
		{`kv::set("a", 1); kv::cas("a", 1, 2)`, "no version to compare with yet"},
		{`kv::list("", #{limit: 0})`, "from 1 to 1000"},
		{`kv::list("", #{after: 1})`, "a string"},
		{`kv::get(1)`, "not for these arguments"},
	} {
		got, inv := runKV(t, newShelf("b", `"text"`), c.source)
		if !strings.HasPrefix(got, "error: ") || !strings.Contains(got, c.message) {
			t.Errorf("%s\n got %s\nwant %s", c.source, got, c.message)
		}
		if inv.Failed() != nil {
			t.Errorf("%s: a mistake of the script is its own to catch, and was not: %v", c.source, inv.Failed())
		}
	}
}

// What an invocation may write is bounded, and no script can catch that.
func TestKVLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source string
		fails  bool
	}{
		{`for i in 0..1000 { kv::set("k" + i, 1) }`, false},
		{`for i in 0..1001 { try { kv::set("k" + i, 1) } catch { } }`, true},
		{`for i in 0..10000 { kv::get("k" + i) }`, false},
		{`for i in 0..10001 { try { kv::get("k" + i) } catch { } }`, true},
		{`for i in 0..10001 { try { kv::list("k" + i) } catch { } }`, true},
		{`for i in 0..8 { kv::set("k", blob(1000000)); kv::set("k" + i, blob(900000)) }`, false},
		{`for i in 0..9 { try { kv::set("k" + i, blob(1000000)) } catch { } }`, true},
	} {
		_, inv := runKV(t, newShelf(), c.source)
		if picloud.IsCode(inv.Failed(), picloud.CodeSize) != c.fails {
			t.Errorf("%s: failed %v", c.source, inv.Failed())
		}
	}
}

// A platform that cannot answer ends the run, whatever the script makes of it.
func TestKVUnavailable(t *testing.T) {
	t.Parallel()
	broken := newShelf()
	broken.err = errors.New("the disk is gone")
	for _, data := range []Data{broken, nil} {
		got, inv := runKV(t, data, `try { kv::get("a") } catch { } kv::set("b", 1); 1`)
		if inv.Failed() == nil || strings.HasPrefix(got, "1") {
			t.Errorf("got %s, failed %v", got, inv.Failed())
		}
	}
}

// Listings of large values are refused before they fill the memory.
func TestKVListsAreBounded(t *testing.T) {
	t.Parallel()
	big := `"` + strings.Repeat("x", 1<<20-2) + `"`
	var values []string
	for i := range 9 {
		values = append(values, fmt.Sprint("k", i), big)
	}
	if got, _ := runKV(t, newShelf(values...), `kv::entries("k", #{limit: 9}).len()`); !strings.Contains(got, "fewer at a time") {
		t.Errorf("nine: %.100s", got)
	}
	if got, _ := runKV(t, newShelf(values...), `kv::entries("k", #{limit: 8}).len()`); got != "8" {
		t.Errorf("eight: %.100s", got)
	}
}

// Billing grows with what is read.
func TestKVBills(t *testing.T) {
	t.Parallel()
	operations := func(source string) int64 {
		h := newHost(t)
		h.data = newShelf("big", `"`+strings.Repeat("x", 1<<20-2)+`"`, "small", "1")
		_, stats, err := h.run(source, nil)
		if err != nil {
			t.Fatal(err)
		}
		return stats.Operations
	}
	if small, big := operations(`kv::get("small")`), operations(`kv::get("big")`); big < small+1<<20/bytesPerOperation {
		t.Errorf("small %d, big %d", small, big)
	}
}
