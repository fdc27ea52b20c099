package picloud

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIDsSortAndAreVersion7(t *testing.T) {
	clock := time.UnixMilli(1_700_000_000_123)
	ids := NewIDs(func() time.Time { return clock }, rand.Reader)
	prev := ""
	for i := range 10_000 {
		if i == 5000 {
			clock = clock.Add(-time.Hour) // a clock that is set back
		}
		id := ids.New()
		if id <= prev {
			t.Fatalf("id %d: %s does not sort after %s", i, id, prev)
		}
		if err := ValidateID("id", id); err != nil || id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Fatalf("%s is not a UUIDv7: %v", id, err)
		}
		prev = id
	}
	if first := NewIDs(func() time.Time { return clock }, rand.Reader).New(); !strings.HasPrefix(first, fmt.Sprintf("%08x-%04x", clock.UnixMilli()>>16, clock.UnixMilli()&0xffff)) {
		t.Errorf("%s does not start with the time", first)
	}
}

func TestIDsAreUniqueAcrossGoroutines(t *testing.T) {
	ids := NewIDs(time.Now, rand.Reader)
	var wg sync.WaitGroup
	got := make([][]string, 8)
	for i := range got {
		wg.Go(func() {
			for range 1000 {
				got[i] = append(got[i], ids.New())
			}
		})
	}
	wg.Wait()
	all := slices.Concat(got...)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 8000 {
		t.Errorf("%d of 8000 ids are distinct", n)
	}
}

func TestValidateID(t *testing.T) {
	for _, id := range []string{"", "x", "01932C07-209F-7C4E-A3B1-5D1F0C9E8B7A", "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7", "01932c07x209f-7c4e-a3b1-5d1f0c9e8b7a", strings.Repeat("a", 1<<16)} {
		if err := ValidateID("id", id); !IsCode(err, CodeInvalid) {
			t.Errorf("ValidateID(%.40q) = %v", id, err)
		}
	}
}

func TestErrors(t *testing.T) {
	cause := io.ErrUnexpectedEOF
	err := fmt.Errorf("deploy: %w", &Error{Code: CodeConflict, Message: "taken", Field: "name", Err: cause})
	if ErrorCode(err) != CodeConflict || !errors.Is(err, cause) {
		t.Errorf("wrapped: code %q, cause found: %v", ErrorCode(err), errors.Is(err, cause))
	}
	if got := err.Error(); got != "deploy: conflict: name: taken: unexpected EOF" {
		t.Errorf("text: %q", got)
	}
	if ErrorCode(nil) != "" || ErrorCode(io.EOF) != CodeInternal || IsCode(nil, "") {
		t.Error("the codes of nil and of a foreign error")
	}
	for code, want := range map[Code]int{
		CodeNotFound: 404, CodeInvalid: 422, CodeMalformed: 400, CodeRateLimited: 429, CodeOverloaded: 503,
		CodeTimeout: 504, CodeMemory: 500, CodeOperations: 500, CodeScriptError: 500, Code("no such"): 500,
	} {
		if got := HTTPStatus(code); got != want {
			t.Errorf("HTTPStatus(%s) = %d, want %d", code, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	check := func(kind string, f func(string) error, good, bad []string) {
		for _, name := range good {
			if err := f(name); err != nil {
				t.Errorf("%s %q: %v", kind, name, err)
			}
		}
		for _, name := range bad {
			if err := f(name); !IsCode(err, CodeInvalid) {
				t.Errorf("%s %.60q is let through (%v)", kind, name, err)
			}
		}
	}
	check("app", ValidateAppName,
		[]string{"default", "a", "shop-2", "0x", long(MaxAppName)},
		[]string{"", "-a", "a-", "A", "a_b", "a.b", "admin", "xn--a", "ä", "a b", "a\x00", "\xff", long(MaxAppName + 1)})
	check("script", ValidateScriptName,
		[]string{"hello", "a_b-c", "9", long(MaxScriptName)},
		[]string{"", "_picloud", "-a", "Hello", "a/b", "..", "a.rhai", "a%2f", long(MaxScriptName + 1)})
	check("username", func(s string) error { _, err := NormalizeUsername(s); return err },
		[]string{"ada", "Ada.B", " x ", long(MaxUsername)},
		[]string{"", " ", ".x", "a@b", "a b", "a\nb", "ab\u202ec", long(MaxUsername + 1)})
	check("email", func(s string) error { _, err := NormalizeEmail(s); return err },
		[]string{"a@b", "Ada@Example.org", "x+y@z.example"},
		[]string{"", "a", "a@", "@b", "A <a@b.c>", "a@b, c@d", "a@b\r\nBcc: x", long(MaxEmail) + "@b"})
	check("env", func(s string) error { return ValidateEnvName("env", s) },
		[]string{"A", "_x", "API_KEY2"},
		[]string{"", "1A", "A-B", "A=B", "Ä", long(MaxEnvName + 1)})

	if name, _ := NormalizeUsername(" Ada "); name != "ada" {
		t.Errorf("normalised to %q", name)
	}
}

func TestSource(t *testing.T) {
	if err := ValidateSource(strings.Repeat("x", MaxSourceBytes)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	for source, code := range map[string]Code{
		"":                                    CodeInvalid,
		" \n\t":                               CodeInvalid,
		"a\xffb":                              CodeInvalid,
		"a\x00b":                              CodeInvalid,
		"ok \ufffd":                           "",
		strings.Repeat("x", MaxSourceBytes+1): CodeTooLarge,
	} {
		if got := ErrorCode(ValidateSource(source)); got != code {
			t.Errorf("ValidateSource(%.20q): code %q, want %q", source, got, code)
		}
	}
	if err := ValidateSource("ab\xff"); !strings.Contains(err.Error(), "byte 2") {
		t.Errorf("the place of bad UTF-8: %v", err)
	}
}

func TestHashVersion(t *testing.T) {
	base := HashVersion("1 + 1", Settings{})
	// Recorded: if hashes changed, deploying what is stored already would make new versions of it.
	if want := "ee3353d172e9b20b245df04a26f04ea348a34bba1c1b511f1a4d16ff4f2f3db0"; base != want {
		t.Errorf("hash %s, want %s", base, want)
	}
	full := HashVersion("1 + 1", Settings{Limits: Limits{Operations: 5}, Env: map[string]string{"B": "2", "A": "1"}})
	if want := "402d17018f8eb564cc4c09e7f3f4d6dcc397d9a0bdbd2cb14dc70737fb8b8b7c"; full != want {
		t.Errorf("hash with settings %s, want %s", full, want)
	}
	if base != HashVersion("1 + 1", Settings{Env: map[string]string{}}) {
		t.Error("an empty environment and none differ")
	}
	seen := map[string]string{base: "base"}
	for what, hash := range map[string]string{
		"source": HashVersion("1 + 2", Settings{}),
		"limit":  HashVersion("1 + 1", Settings{Limits: Limits{Operations: 5}}),
		"env":    HashVersion("1 + 1", Settings{Env: map[string]string{"A": "1"}}),
		"env 2":  HashVersion("1 + 1", Settings{Env: map[string]string{"A": "2"}}),
		"moved":  HashVersion("1 + 1{}", Settings{}),
	} {
		if other, dup := seen[hash]; dup {
			t.Errorf("%s hashes like %s", what, other)
		}
		seen[hash] = what
	}
}

func TestLimits(t *testing.T) {
	l := Limits{Operations: 7, MemoryBytes: 1 << 20}.Or(DefaultLimits())
	if l.Operations != 7 || l.MemoryBytes != 1<<20 || l.WallTime() != 10*time.Second || l.EventWallTime() != time.Minute {
		t.Errorf("filled: %+v", l)
	}
	for _, f := range l.fields() {
		if *f.value == 0 {
			t.Errorf("%s has no default", f.name)
		}
	}
	if err := DefaultLimits().Validate(MaxLimits()); err != nil {
		t.Errorf("the defaults are over the ceiling: %v", err)
	}
	if err := MaxLimits().Validate(MaxLimits()); err != nil {
		t.Errorf("at the ceiling: %v", err)
	}
	over := Limits{MemoryBytes: MaxLimits().MemoryBytes + 1}
	var e *Error
	if err := over.Validate(MaxLimits()); !errors.As(err, &e) || e.Field != "limits.memory_bytes" {
		t.Errorf("over the ceiling: %v", err)
	}
	if err := (Limits{Queue: -1}).Validate(Limits{}); !IsCode(err, CodeInvalid) {
		t.Errorf("negative: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for _, env := range []map[string]string{
		{"A-B": "x"}, {"A": "\xff"}, {"A": "\x00"}, {"A": strings.Repeat("x", MaxEnvBytes)},
	} {
		if err := (Settings{Env: env}).Validate(MaxLimits()); !IsCode(err, CodeInvalid) {
			t.Errorf("env %.40v is let through", env)
		}
	}
	s := Settings{Env: map[string]string{"A": "1"}}
	c := s.Clone()
	c.Env["A"] = "2"
	if s.Env["A"] != "1" {
		t.Error("a clone shares its environment")
	}
}

func TestRoutes(t *testing.T) {
	for in, want := range map[string]Route{
		"/":                          {Path: "/"},
		"/hello":                     {Path: "/hello"},
		"GET /orders/{id}":           {Method: "GET", Path: "/orders/{id}"},
		"  POST   /a/{b}/{rest...} ": {Method: "POST", Path: "/a/{b}/{rest...}"},
		"/files/":                    {Path: "/files/"},
		"DELETE /x/{$}":              {Method: "DELETE", Path: "/x/{$}"},
		"/ümlaut/日本":                 {Path: "/ümlaut/日本"},
		"/a/{type}":                  {Path: "/a/{type}"},
		"/_picloudy":                 {Path: "/_picloudy"},
		"/a..b/.well-known/x":        {Path: "/a..b/.well-known/x"},
	} {
		got, err := ParseRoute(in)
		if err != nil || got != want {
			t.Errorf("ParseRoute(%q) = %v, %v", in, got, err)
			continue
		}
		if !register(http.NewServeMux(), got) {
			t.Errorf("ServeMux refuses %q, which ParseRoute takes", got)
		}
	}
	for _, in := range []string{
		"", " ", "hello", "GET", "get /x", "FETCH /x", "CONNECT /x", "example.com/x", "GET example.com/x", "GET http://x/",
		"/a/../b", "/..", "/./a", "//", "/a//b", "/a%2fb", "/%00", "/a?b", "/a#b", `/a\b`, "/a;b", "/a b", "/a\x00", "/a\x7f", "/a\u202eb", "/a\u00a0b", "/\xff", "\xff /a",
		"/_picloud", "/_picloud/x", "/_picloud/",
		"/{}", "/{a-b}", "/{1}", "/x{a}", "/{a}x", "/{a", "/a}", "/{a}{b}", "/{{a}}", "/{a}/{a}", "/{a...}/b", "/{$}/b", "/{...}", "/{$...}",
		"/" + strings.Repeat("a", MaxRoutePath), strings.Repeat("/a", MaxRouteSegments+1), "/a\n/b", "GET\t/x",
	} {
		if r, err := ParseRoute(in); !IsCode(err, CodeInvalid) {
			t.Errorf("ParseRoute(%.60q) = %v, %v: want a refusal", in, r, err)
		}
	}
}

func TestRouteTable(t *testing.T) {
	must := func(s string) Route {
		r, err := ParseRoute(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var table RouteTable
	for _, r := range []string{"/", "/hello", "GET /hello", "/orders/{id}", "/orders/new", "/files/{path...}", "/files/{$}"} {
		if err := table.Add(must(r), "first"); err != nil {
			t.Fatalf("%s: %v", r, err)
		}
	}
	for route, wants := range map[string][]string{
		"/hello":          {`belongs to script "first"`},
		"/orders/{other}": {`"/orders/{id}"`, `script "first"`},
		"/{any}/new":      {`script "first"`},
		"/files/":         {`"/files/{path...}"`},
		"POST /{x}/new":   {`script "first"`},
	} {
		err := table.Add(must(route), "third")
		if !IsCode(err, CodeRouteConflict) {
			t.Errorf("%s: %v, want a conflict", route, err)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %s", route, err, want)
			}
		}
	}
	if err := table.Add(must("/hello"), "first"); !IsCode(err, CodeRouteConflict) || !strings.Contains(err.Error(), "twice") {
		t.Errorf("the same route twice: %v", err)
	}
	if err := table.Add(must("PUT /hello"), "third"); err != nil {
		t.Errorf("a refused route is still in the table: %v", err)
	}
}

func FuzzParseRoute(f *testing.F) {
	f.Add("GET /orders/{id}")
	f.Add("/a/{rest...}")
	f.Add("/{$}")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRoute(s)
		if err != nil {
			return
		}
		if !register(http.NewServeMux(), r) {
			t.Errorf("ServeMux refuses %q, which ParseRoute takes", r)
		}
		if again, err := ParseRoute(r.String()); err != nil || again != r {
			t.Errorf("%q reads back as %v, %v", r, again, err)
		}
	})
}

// FuzzDecodeJournal makes sure that a journal of an executor that lies is
// refused or is one, which stays what it is when it is written again.
func FuzzDecodeJournal(f *testing.F) {
	f.Add((&Journal{Calls: []JournalCall{{Call: "kv.read", Args: []byte(`["a"]`), Result: []byte(`[{}]`), At: 1, Took: 2}, {Call: "x", Error: &JournalError{Ended: true}}}, Cut: true}).Encode())
	f.Add([]byte(`{"calls":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := DecodeJournal(data)
		if err != nil {
			return
		}
		again, err := DecodeJournal(j.Encode())
		if err != nil || len(again.Calls) != len(j.Calls) || again.Cut != j.Cut {
			t.Errorf("%q is read again as %+v, %v", data, again, err)
		}
	})
}

// FuzzDecodeJournalRecord makes sure that what is damaged is refused, and does
// not take memory without bound.
func FuzzDecodeJournalRecord(f *testing.F) {
	r := JournalRecord{Execution: Execution{ID: "a", Request: &Request{Method: "GET", Body: []byte("x")}}, Journal: Journal{Calls: []JournalCall{{Call: "clock", Result: []byte("1")}}}}
	data, err := r.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := DecodeJournalRecord(data); err == nil && r == nil {
			t.Error("neither a record nor an error")
		}
	})
}

// FuzzDecodeStored reads what is kept of requests and responses.
func FuzzDecodeStored(f *testing.F) {
	f.Add(EncodeRequest(&Request{Method: "GET", Path: "/a", Header: http.Header{"A": {"b"}}, Body: []byte("x")}))
	f.Add(EncodeResponse(&Response{Status: 200, Header: http.Header{"A": {"b"}}, Body: []byte("x")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if q, err := DecodeRequest(data); err == nil && (q.Header == nil || !strings.HasPrefix(q.Path, "/")) {
			t.Errorf("%q is read as %+v", data, q)
		}
		if r, err := DecodeResponse(data); err == nil && (r.Header == nil || r.Status < 200 || r.Status > 599) {
			t.Errorf("%q is read as %+v", data, r)
		}
	})
}

func TestRouteOptionsForRequests(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"POST /a async", "POST /a idempotent", "POST /a idempotent=required", "POST /a auth=key async idempotent"} {
		r, err := ParseRoute(text)
		if err != nil || r.String() != text {
			t.Errorf("%q is read as %q, %v", text, r.String(), err)
		}
	}
	for _, text := range []string{"POST /a async=yes", "POST /a idempotent=never", "POST /a async async", "POST /a idempotent idempotent=required", "POST /a async="} {
		if r, err := ParseRoute(text); err == nil {
			t.Errorf("%q is read as %q", text, r.String())
		}
	}
	for _, share := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		if (Settings{Journal: share}).Validate(Limits{}) == nil {
			t.Errorf("a share of %v is allowed", share)
		}
	}
}
