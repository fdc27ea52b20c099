package executortest

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// keep has a journal kept whatever becomes of the run.
func keep(x *picloud.Execution) { x.KeepJournal = true }

// deaf is a host that answers nothing but the sources of versions: what a
// replay may ask for.
type deaf struct {
	Shelf
	t *testing.T
}

func (d deaf) refuse(what string) error {
	d.t.Errorf("a replay asks its host for %s", what)
	return picloud.Errorf(picloud.CodeInternal, "this is a replay")
}

// LiveVersion implements picloud.Host.
func (d deaf) LiveVersion(context.Context, string) (string, error) {
	return "", d.refuse("a version")
}

// ReadEntries implements picloud.Host.
func (d deaf) ReadEntries(context.Context, []string) ([]picloud.Entry, error) {
	return nil, d.refuse("keys")
}

// ListEntries implements picloud.Host.
func (d deaf) ListEntries(context.Context, picloud.EntryQuery) (picloud.EntryPage, error) {
	return picloud.EntryPage{}, d.refuse("a range")
}

// ListFiles implements picloud.Host.
func (d deaf) ListFiles(context.Context, picloud.FileQuery) (picloud.FilePage, error) {
	return picloud.FilePage{}, d.refuse("files")
}

// ReadBlob implements picloud.Host.
func (d deaf) ReadBlob(context.Context, picloud.BlobPart) ([]byte, error) {
	return nil, d.refuse("a content")
}

// StageBlob implements picloud.Host.
func (d deaf) StageBlob(context.Context, []byte) (picloud.Blob, error) {
	return picloud.Blob{}, d.refuse("room for a content")
}

// everything asks for all that a script can ask for, and logs what it got.
const everything = `
	import "lib" as lib;
	print(time::unix_ms()); print(uuid::v4()); print(uuid::v7()); print(rand::string(20)); print(rand::int(1, 1000000));
	print(lib::f(3)); print(kv::get("answer")); print(kv::get("octets")); print(kv::get("none"));
	print(kv::list("p/", #{limit: 3})); print(kv::entries("q/", #{limit: 2}));
	print(files::get("answer.txt")); print(files::info("none")); print(files::list("p/", #{limit: 2})); files::put("new.txt", "new");
	let begun = timestamp(); print(begun.elapsed); sleep(0.001);
	kv::set("a", rand::float());
	publish("topic", time::now(), #{delay: 2});
	print(http::post("http://a.example/", #{json: #{a: 1}}).body); print(http::get("http://octets/").bytes());
	try { http::get("http://call_failed/") } catch (e) { print(e); }
`

// replayed runs an execution again with a journal.
func replayed(t *testing.T, e Executor, x picloud.Execution, journal []byte, lib Shelf) *picloud.Outcome {
	t.Helper()
	var versions []string
	for name := range lib {
		versions = append(versions, name)
	}
	x.KeepJournal, x.Replay = false, &picloud.Replay{Journal: journal, Versions: versions}
	return e.Run(t.Context(), &x, deaf{lib, t})
}

// messages are the lines of a log without their times.
func messages(lines []picloud.LogLine) (list []string) {
	for _, l := range lines {
		list = append(list, string(l.Level)+" "+l.Message)
	}
	return list
}

// journals checks that a run which is replayed with its journal does the same
// in everything, whether it went well or not.
func journals(t *testing.T, e Executor) {
	for _, end := range []string{`"done"`, `throw "no"`, `throw #{status: 404, message: "none"}`, `kv::get("broken")`, `let x = 1; loop { x += 1; }`, `import "nowhere" as n;`} {
		lib := Shelf{"lib": `fn f(n) { n * kv::get("answer") }`}
		name := "journal-" + end
		lib[name] = everything + end
		x := Execution(name)
		x.Script, x.Limits.Operations, x.KeepJournal = "main", 1_000_000, true
		first := e.Run(t.Context(), x, lib)
		if first.Journal == nil || len(first.Logs) < 12 {
			t.Fatalf("%s: %+v, no journal or not enough logged: %v", end, first.Error, messages(first.Logs))
		}
		again := replayed(t, e, *x, first.Journal, lib)
		if !reflect.DeepEqual(again.Error, first.Error) || !reflect.DeepEqual(again.Response, first.Response) {
			t.Errorf("%s: it ended with\n%+v %+v, and again with\n%+v %+v", end, first.Error, first.Response, again.Error, again.Response)
		}
		if again.Operations != first.Operations || !reflect.DeepEqual(messages(again.Logs), messages(first.Logs)) {
			t.Errorf("%s: %d operations, %v\nthen %d operations, %v", end, first.Operations, messages(first.Logs), again.Operations, messages(again.Logs))
		}
		if !reflect.DeepEqual(again.Effects, first.Effects) {
			t.Errorf("%s: effects\n%+v\nthen\n%+v", end, first.Effects, again.Effects)
		}
	}
}

// journalsKept checks which journals come with an outcome, and what they hold.
func journalsKept(t *testing.T, e Executor) {
	event := func(x *picloud.Execution) {
		x.Trigger, x.Request = picloud.TriggerMessage, nil
		x.Event = &picloud.EventInput{ID: "1", Kind: picloud.ValueJSON}
	}
	for _, c := range []struct {
		source string
		edits  []func(*picloud.Execution)
		want   bool
	}{
		{`time::now()`, nil, false},
		{`time::now()`, []func(*picloud.Execution){keep}, true},
		{`throw "no"`, nil, true},
		{`throw #{status: 404}`, nil, false},
		{`throw #{status: 404}`, []func(*picloud.Execution){keep}, true},
		{`throw #{status: 503}`, nil, true},
		{`fn on_message(m) { throw #{status: 404} }`, []func(*picloud.Execution){event}, true},
		{`kv::get("broken")`, nil, true},
		{`try { kv::get("broken") } catch { } 1`, nil, true},
		{`fn f() { f() } f()`, nil, true},
	} {
		if out := run(t, e, c.source, c.edits...); (out.Journal != nil) != c.want {
			t.Errorf("%s: a journal of %d bytes, %+v", c.source, len(out.Journal), out.Error)
		}
	}
	out := run(t, e, `rand::bytes(3); kv::get("answer"); try { kv::get("broken") } catch { } 1`)
	j, err := picloud.DecodeJournal(out.Journal)
	if err != nil || len(j.Calls) != 3 || j.Cut {
		t.Fatalf("%+v, %v", j, err)
	}
	if c := j.Calls[1]; c.Call != "kv.read" || string(c.Args) != `["answer"]` || !bytes.Contains(c.Result, []byte("answer")) || c.Error != nil {
		t.Errorf("noted %+v", c)
	}
	if c := j.Calls[2]; c.Error == nil || c.Error.Code != picloud.CodeUnavailable || c.Result != nil {
		t.Errorf("noted %+v", c)
	}
	for _, source := range []string{`for i in 0..100000 { time::unix() } throw "no"`, `for i in 0..3 { rand::bytes(1000000) } throw "no"`} {
		out = run(t, e, source)
		if j, err = picloud.DecodeJournal(out.Journal); err != nil || !j.Cut || len(out.Journal) > 2*picloud.MaxJournalBytes {
			t.Errorf("%s: a journal of %d bytes, cut is %v, %v", source, len(out.Journal), j != nil && j.Cut, err)
		}
	}
}

// divergence checks that a replay which does something else says where.
func divergence(t *testing.T, e Executor) {
	first := run(t, e, `kv::get("answer"); time::unix(); kv::list("p/", #{limit: 1}); throw "no"`)
	for source, want := range map[string]string{
		`kv::get("other"); 1`:                  `call 1 is kv.read ["other"], and it was kv.read ["answer"]`,
		`kv::get("answer"); rand::bool(); 1`:   `call 2 is random, and it was clock`,
		`kv::get("answer"); time::unix(); 1`:   `it ends before call 3, which was kv.list {"From":"p/"`,
		`time::unix(); kv::get("answer"); 1`:   `call 1 is clock, and it was kv.read ["answer"]`,
		`try { kv::get("x") } catch { } 1`:     `call 1 is kv.read ["x"]`,
		`try { import "x" as y; } catch { } 1`: `call 1 is import "x"`,
		`kv::get("answer"); time::unix(); kv::list("p/", #{limit: 1}); time::unix(); throw "no"`: `call 4 is clock, and the run made only 3`,
	} {
		name := "diverging-" + source
		lib := Shelf{name: source}
		x := Execution(name)
		again := replayed(t, e, *x, first.Journal, lib)
		if again.Error == nil || again.Error.Code != picloud.CodeDiverged || !strings.HasPrefix(again.Error.Message, want) {
			t.Errorf("%s: %+v; want %s", source, again.Error, want)
		}
		if again.Effects.Changes() || again.Response != nil {
			t.Errorf("%s: it wants to change something, or answers: %+v", source, again)
		}
	}
	out := replayed(t, e, *Execution("bad"), []byte(`{"calls":[{}]}`), Shelf{"bad": "1"})
	fails(t, "a damaged journal", out, picloud.CodeInternal)
}
