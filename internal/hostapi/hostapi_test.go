package hostapi

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// host runs scripts that have the host API, with a fixed clock and a fixed
// randomness.
type host struct {
	t      testing.TB
	engine *rhai.Engine
	limits picloud.Limits
	seed   [32]byte
	logged []string
	data   Data
	last   *Invocation // of the last run
}

func newHost(t testing.TB) *host {
	return &host{
		t: t, limits: picloud.DefaultLimits(),
		engine: rhai.New(rhai.Config{Modules: Modules(), Global: Global()}),
	}
}

// run runs a script on a request.
func (h *host) run(source string, q *picloud.Request) (*picloud.Response, rhai.Stats, error) {
	h.t.Helper()
	prog, err := h.engine.Compile("test", source, rhai.Global{Name: "req"})
	if err != nil {
		h.t.Fatalf("%s: %v", source, err)
	}
	if q == nil {
		q = &picloud.Request{Method: "GET", Scheme: "http", Path: "/"}
	}
	inv := &Invocation{
		Execution: &picloud.Execution{ID: "id", App: "app", Script: "test", Version: 1, Limits: h.limits, Request: q},
		Now:       func() time.Time { return time.Date(2026, 1, 31, 12, 30, 0, 123e6, time.UTC) },
		Rand:      rand.NewChaCha8(h.seed),
		Log:       func(level picloud.Level, message string) { h.logged = append(h.logged, string(level)+" "+message) },
		Patterns:  &Patterns{},
		Data:      h.data,
	}
	h.last = inv
	l := h.limits
	var resp *picloud.Response
	stats, err := h.engine.NewVM().Run(context.Background(), rhai.Run{
		Program: prog, Host: inv,
		Limits: &rhai.Limits{
			Operations: l.Operations, Memory: l.MemoryBytes, CallLevels: int(l.CallDepth), StringSize: int(l.StringBytes),
			ArraySize: int(l.ArrayItems), MapSize: int(l.MapEntries),
		},
		GlobalsFunc: func(vm *rhai.VM) ([]rhai.Value, error) {
			v, err := inv.RequestValue(vm)
			return []rhai.Value{v}, err
		},
	}, func(v rhai.Value) (err error) {
		resp, err = inv.Respond(v)
		return err
	})
	return resp, stats, err
}

// value is a script's result as JSON; an error is "error: " and its message.
func (h *host) value(source string, q *picloud.Request) string {
	h.t.Helper()
	resp, _, err := h.run("json({"+source+"})", q)
	if err != nil {
		var e *rhai.Error
		if errors.As(err, &e) {
			return "error: " + e.Message
		}
		return "error: " + err.Error()
	}
	return string(resp.Body)
}

// table is scripts and their results; a result that ends in … is a beginning.
type table map[string]string

func (h *host) check(q *picloud.Request, cases table) {
	h.t.Helper()
	for source, want := range cases {
		got := h.value(source, q)
		if begin, open := strings.CutSuffix(want, "…"); got != want && !(open && strings.HasPrefix(got, begin)) {
			h.t.Errorf("%s\n got %.300s\nwant %s", source, got, want)
		}
	}
}

func TestModules(t *testing.T) {
	t.Parallel()
	newHost(t).check(nil, table{
		`json::parse("{\"a\":[1,2.0,null,\"é\"]}")`:               `{"a":[1,2.0,null,"é"]}`,
		`json::parse("[1,]")`:                                     `error: …`,
		`json::parse("{\"a\":1} x")`:                              `error: …`,
		`json::parse("")`:                                         `error: …`,
		`json::stringify(#{b: 1, a: "<\n\u2028>"})`:               `"{\"a\":\"<\\n\\u2028>\",\"b\":1}"`,
		`json::stringify(|x| x)`:                                  `error: a function has no JSON form`,
		`json::parse(json::stringify([1, 1.0, 1e300, -0.5]))`:     `[1,1.0,1e+300,-0.5]`,
		`base64::encode("hé?>")`:                                  `"aMOpPz4="`,
		`base64::encode_url("hé?>")`:                              `"aMOpPz4"`,
		`base64::decode("aMOpPz4=").as_string()`:                  `"hé?>"`,
		`base64::decode("aMOpPz4") == base64::decode("aMOpPz4=")`: `true`,
		`base64::decode("a")`:                                     `error: "a" is not base64`,
		`hex::encode("hé")`:                                       `"68c3a9"`,
		`hex::decode("68C3a9").as_string()`:                       `"hé"`,
		`hex::decode("6")`:                                        `error: "6" is not hexadecimal`,
		`hash::sha256("abc")`:                                     `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`,
		`hash::sha1("abc")`:                                       `"a9993e364706816aba3e25717850c26c9cd0d89d"`,
		`hash::md5("abc")`:                                        `"900150983cd24fb0d6963f7d28e17f72"`,
		`hash::sha512("")`:                                        `"cf83e1357eefb8bd…`,
		`hmac::sha256("key", "The quick brown fox jumps over the lazy dog")`:     `"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"`,
		`hmac::sha1("key", "The quick brown fox jumps over the lazy dog")`:       `"de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"`,
		`hmac::verify("sha256", "k", "m", "sha256=" + hmac::sha256("k", "m"))`:   `true`,
		`hmac::verify("sha256", "k", "m", hmac::sha256("k", "M"))`:               `false`,
		`hmac::verify("sha256", "k", "m", "no hex")`:                             `false`,
		`hmac::verify("md5", "k", "m", "")`:                                      `error: hmac::verify knows no "md5" (sha1, sha256, sha512)`,
		`[hmac::equal("a", "a"), hmac::equal("a", "b"), hmac::equal("a", "ab")]`: `[true,false,false]`,
		`uuid::v7()`:      `"019c1408-15bb-7…`,
		`uuid::v4().len`:  `36`,
		`rand::int(5, 5)`: `5`,
		`rand::int(2, 1)`: `error: there is no integer from 2 to 1`,
		`type_of(rand::int(-9223372036854775808, 9223372036854775807))`: `"i64"`,
		`let f = rand::float(); f >= 0.0 && f < 1.0`:                    `true`,
		`rand::bytes(7).len`:     `7`,
		`rand::bytes(-1)`:        `error: -1 random bytes…`,
		`rand::bytes(100000000)`: `error: 100000000 random bytes…`,
		`regex::is_match("^[A-Za-z0-9]{40}$", rand::string(40))`: `true`,
		`time::now()`:                     `"2026-01-31T12:30:00.123Z"`,
		`[time::unix(), time::unix_ms()]`: `[1769862600,1769862600123]`,
		`time::format(0)`:                 `"1970-01-01T00:00:00Z"`,
		`time::format_ms(1)`:              `"1970-01-01T00:00:00.001Z"`,
		`time::format(999999999999999)`:   `error: 999999999999999 is not a time…`,
		`time::parse("2026-01-31T13:30:00+01:00") == time::unix()`: `true`,
		`time::parse_ms("1970-01-01T00:00:00.5Z")`:                 `500`,
		`time::parse("yesterday")`:                                 `error: "yesterday" is not a time…`,
		`url::encode("a b/é&=~")`:                                  `"a%20b%2F%C3%A9%26%3D~"`,
		`url::decode("a%20b+c")`:                                   `"a b+c"`,
		`url::decode("%zz")`:                                       `error: "%zz" is not percent-encoded`,
		`url::query(#{b: [1, 2], a: "x y"})`:                       `"a=x%20y&b=1&b=2"`,
		`url::parse_query("?a=1&a=2&b=").values("a")`:              `["1","2"]`,
		`url::parse("https://u:p@h.example:8443/p%20q?x=1#f")`:     `{"fragment":"f","host":"h.example:8443","hostname":"h.example","password":"p","path":"/p q","port":"8443","query":"x=1","scheme":"https","username":"u"}`,
		`url::parse("http://[::1")`:                                `error: …`,
		`html::escape("<a href='x'>\"&\"</a>")`:                    `"&lt;a href=&#39;x&#39;&gt;&#34;&amp;&#34;&lt;/a&gt;"`,
		`csv::parse("a,b\n1,\"x, \"\"y\"\"\"\n")`:                  `[["a","b"],["1","x, \"y\""]]`,
		`csv::parse("a;b\n1;2", #{header: true, separator: ";"})`:  `[{"a":"1","b":"2"}]`,
		`csv::parse("a,\"b")`:                                      `error: line 1 is not CSV…`,
		`csv::parse("a", #{colour: 1})`:                            `error: CSV has no option "colour"…`,
		`csv::stringify([["a", "b,c"], [1, ()]])`:                  `"a,\"b,c\"\n1,\n"`,
		`csv::stringify([#{b: 1, a: "x"}, #{a: "y"}])`:             `"a,b\nx,1\ny,\n"`,
		`csv::stringify([["a"], 7])`:                               `error: rows of CSV are all arrays or all maps…`,
		`regex::is_match("a+", "caab")`:                            `true`,
		`regex::find("a+", "caab")`:                                `"aa"`,
		`regex::find("z", "caab") == ()`:                           `true`,
		`regex::find_all("a", "banana")`:                           `["a","a","a"]`,
		`regex::find_all("\\b.", "ab cd")`:                         `["a"," ","c"]`,
		`regex::find_all("^a", "aaa")`:                             `["a"]`,
		`regex::find_all("a*", "baac")`:                            `["","aa",""]`,
		`regex::captures("(\\w+)@(\\w+)(x)?", "me@home")`:          `["me@home","me","home",null]`,
		`regex::named_captures("(?P<user>\\w+)@", "me@home")`:      `{"user":"me"}`,
		`regex::replace("(a)(b)?", "abac", "[$1${2}]")`:            `"[ab][a]c"`,
		`regex::split(", *", "a,b,  c")`:                           `["a","b","c"]`,
		`regex::split("", "abc")`:                                  `["a","b","c"]`,
		`regex::is_match("(", "x")`:                                `error: "(" is not a regular expression…`,
		`regex::is_match("(?:a{1000}){1000}", "x")`:                `error: …`,
		`env::get("A") == ()`:                                      `true`,
		`env::get("A", 7)`:                                         `7`,
	})
}

// TestRegexAgainstGo compares with the regexp package, which finds all matches
// at once.
func TestRegexAgainstGo(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	texts := []string{"", "a", "ab ab", "aaaa", "hello, wörld\nline two\n", "é é", "  x  ", strings.Repeat("ab é\n", 1200)}
	patterns := []string{"", "a", "a*", "^", "$", `\b`, `\B`, `\b\w`, "(?m)^.", "(?m)$", "^a|b", "a|ab", "(a|ab)(c|bcd)?", "[^ ]+", `\s*`, ".", "(?s).", `\z`, `x*$`}
	for _, p := range patterns {
		for _, s := range texts {
			all := compiled(t, p).FindAllString(s, -1)
			if all == nil {
				all = []string{}
			}
			want, _ := json.Marshal(all)
			if got := h.value(`regex::find_all(`+quote(p)+`, `+quote(s)+`)`, nil); got != string(want) {
				t.Errorf("find_all(%q, %q) = %s, want %s", p, s, got, want)
			}
			replaced, _ := json.Marshal(compiled(t, p).ReplaceAllString(s, "<$0>"))
			if got := h.value(`regex::replace(`+quote(p)+`, `+quote(s)+`, "<$0>")`, nil); got != strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(replaced)) {
				t.Errorf("replace(%q, %q) = %s, want %s", p, s, got, replaced)
			}
			parts, _ := json.Marshal(compiled(t, p).Split(s, -1))
			if got := h.value(`regex::split(`+quote(p)+`, `+quote(s)+`)`, nil); p != "" && s != "" && got != string(parts) {
				t.Errorf("split(%q, %q) = %s, want %s", p, s, got, parts)
			}
		}
	}
}

func TestRequestBody(t *testing.T) {
	t.Parallel()
	post := func(contentType, body string) *picloud.Request {
		return &picloud.Request{Method: "POST", Scheme: "http", Path: "/", Header: http.Header{"Content-Type": {contentType}}, Body: []byte(body)}
	}
	h := newHost(t)
	h.check(post("application/json", `{"a": [1, 2]}`), table{
		`req.json()`:           `{"a":[1,2]}`,
		`req.json().a[1]`:      `2`,
		`req.body.len`:         `13`,
		`type_of(req.body)`:    `"string"`,
		`type_of(req.bytes())`: `"blob"`,
		`req.form()`:           `error: #{"message": "the body is not a form: its content type is \"application/json\"", "status": 400}`,
		`try { req.form() } catch(e) { return e.status }`: `400`,
	})
	h.check(post("text/plain", "\xff\x00é"), table{
		`type_of(req.body)`: `"blob"`,
		`req.bytes().len`:   `4`,
		`req.text()`:        `"�\u0000é"`,
		`req.json()`:        `error: …`,
	})
	h.check(post("application/x-www-form-urlencoded; charset=utf-8", "a=1&a=2&b=x+y%26"), table{
		`req.form()`:                 `{"a":"1","b":"x y&"}`,
		`req.form().a`:               `"1"`,
		`req.form().values("a")`:     `["1","2"]`,
		`req.form().file("a") == ()`: `true`,
		`req.form().keys()`:          `["a","b"]`,
		`req.form().to_map()`:        `{"a":"1","b":"x y&"}`,
	})
	const multipart = "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n" +
		"--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\nContent-Type: text/x\r\n\r\nfile\r\n--X--\r\n"
	h.check(post("multipart/form-data; boundary=X", multipart), table{
		`req.form().a`:                          `"one"`,
		`req.form().file("f").filename`:         `"f.txt"`,
		`req.form().file("f").content_type`:     `"text/x"`,
		`req.form().file("f").body.as_string()`: `"file"`,
		`req.form().files("f").len`:             `1`,
	})
	h.check(post("multipart/form-data; boundary=X", multipart[:60]), table{`req.form()`: `error: …`})
	h.check(post("multipart/form-data", multipart), table{`req.form()`: `error: …`})
	h.check(post("application/x-www-form-urlencoded", strings.Repeat("a&", 2000)), table{`req.form()`: `error: …`})
}

func TestResponses(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, c := range []struct {
		source string
		status int
		header string // name: values
		body   string
	}{
		{`response(201)`, 201, "Content-Type: ", ""},
		{`response(200, ())`, 200, "Content-Type: ", ""},
		{`response(202, [1])`, 202, "Content-Type: application/json", "[1]"},
		{`response(200, "x")`, 200, "Content-Type: text/plain; charset=utf-8", "x"},
		{`json("x", 203)`, 203, "Content-Type: application/json", `"x"`},
		{`json(req.headers)`, 200, "", `{"a":"b"}`},
		{`text("x").status(418)`, 418, "", "x"},
		{`html("x", 404)`, 404, "Content-Type: text/html; charset=utf-8", "x"},
		{`response(204, "x")`, 204, "Content-Type: ", ""},
		{`text("x").header("X-A", "1").header("x-a", 2)`, 200, "X-A: 1|2", "x"},
		{`let r = text("x"); r.header("X-A", "1"); r.status(201); r`, 201, "X-A: 1", "x"},
		{`text("x").header("content-type", "text/css")`, 200, "Content-Type: text/css", "x"},
		{`redirect("/a?b=é c")`, 303, "Location: /a?b=%C3%A9%20c", ""},
		{`redirect("https://example.org/", 308)`, 308, "Location: https://example.org/", ""},
		{`text("x").cookie("a", "b")`, 200, "Set-Cookie: a=b; Path=/; HttpOnly; SameSite=Lax", "x"},
		{`text("x").cookie("a", "b").cookie("c", "", #{max_age: 0, path: "/x", http_only: false, same_site: "strict", secure: true})`, 200,
			"Set-Cookie: a=b; Path=/; HttpOnly; SameSite=Lax|c=; Path=/x; Max-Age=0; Secure; SameSite=Strict", "x"},
		{`text("x").cookie("a", "b", #{same_site: "none"})`, 200, "Set-Cookie: a=b; Path=/; HttpOnly; Secure; SameSite=None", "x"},
	} {
		resp, _, err := h.run(c.source, &picloud.Request{Scheme: "http", Header: http.Header{"A": {"b"}}})
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		name, want, _ := strings.Cut(c.header, ": ")
		if got := strings.Join(resp.Header.Values(name), "|"); resp.Status != c.status || string(resp.Body) != c.body || got != want {
			t.Errorf("%s: %d %q with %s %q", c.source, resp.Status, resp.Body, name, got)
		}
	}
	h.check(nil, table{
		`response(99)`:                                                 `error: 99 is not the status…`,
		`response(600, "x")`:                                           `error: 600 is not the status…`,
		`response("x")`:                                                `error: …`,
		`redirect("/", 200)`:                                           `error: 200 is not the status of a redirect…`,
		`redirect("javascript:alert(1)")`:                              `error: …`,
		`text("x").header("X A", "1")`:                                 `error: the header "X A" cannot be set…`,
		`text("x").header("", "1")`:                                    `error: the header "" cannot be set…`,
		`text("x").header("X-A", "1\r\nX-B: 2")`:                       `error: the header "X-A" cannot be set…`,
		`text("x").header("transfer-encoding", "chunked")`:             `error: the header "transfer-encoding" cannot be set…`,
		`text("x").header("X-Request-Id", "1")`:                        `error: the header "X-Request-Id" cannot be set…`,
		`let r = text("x"); for i in 0..300 { r.header("X-A", "1"); }`: `error: the response has too many headers…`,
		`text("x").cookie("a b", "1")`:                                 `error: the cookie "a b" cannot be set…`,
		`text("x").cookie("a", "1;2")`:                                 `error: the cookie "a" cannot be set…`,
		`text("x").cookie("__Host-picloud", "1")`:                      `error: the header "Set-Cookie" cannot be set…`,
		`text("x").cookie("a", "1", #{colour: 1})`:                     `error: a cookie has no option "colour"…`,
		`text("x").cookie("a", "1", #{max_age: "1"})`:                  `error: the cookie option "max_age" cannot be that string`,
		`[text("x")]`:                                                  `error: a value of type response has no JSON form`,
		`req`:                                                          `error: …`,
	})
}

func TestLogging(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	_, _, err := h.run(`log::info("paid", #{order: 7, by: "Ada"}); log::warn([1, "x"]); log::error("bad"); log::debug(())`, nil)
	want := `info paid {"by":"Ada","order":7}|warn [1, "x"]|error bad|debug `
	if got := strings.Join(h.logged, "|"); err != nil || got != want {
		t.Errorf("logged %s, %v; want %s", got, err, want)
	}
}

// TestWorkIsBilled gives each function a lot to do, and finds that the bill
// grows with it and that the limits stop it.
func TestWorkIsBilled(t *testing.T) {
	t.Parallel()
	for _, call := range []string{
		`base64::encode(s)`, `hex::encode(s)`, `hash::sha256(s)`, `hmac::sha256("k", s)`, `html::escape(s)`, `url::encode(s)`,
		`json::stringify(s)`, `json::parse(json::stringify(s))`, `csv::parse(s)`, `csv::stringify([[s]])`, `regex::is_match("x$", s)`,
		`regex::replace("x", s, "y")`, `text(s)`, `json(s)`, `response(200, s)`, `log::info(s)`, `hmac::equal(s, s)`,
	} {
		h := newHost(t)
		h.limits.StringBytes = 64 << 20
		cost := func(size string) int64 {
			_, stats, err := h.run(`let s = ""; s.pad(`+size+`, "x"); let before = 1; `+call+`; ()`, nil)
			if err != nil {
				t.Fatalf("%s: %v", call, err)
			}
			_, base, _ := h.run(`let s = ""; s.pad(`+size+`, "x"); let before = 1; ()`, nil)
			return stats.Operations - base.Operations
		}
		if small, large := cost("1000"), cost("50000"); large < small+1000 {
			t.Errorf("%s: %d operations for 1,000 bytes and %d for 50,000", call, small, large)
		}
		h.limits.MemoryBytes = 6 << 20
		_, stats, err := h.run(`let s = ""; s.pad(4000000, "x"); let t = `+call+`; t == ()`, nil)
		if stats.PeakBytes > 8<<20 {
			t.Errorf("%s: %d bytes at the peak, the limit is 6 MiB (%v)", call, stats.PeakBytes, err)
		}
	}
}

// TestRegexBombs gives the regular expressions what would take for ever.
func TestRegexBombs(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.limits.StringBytes, h.limits.Operations = 64<<20, 5_000_000
	for _, source := range []string{
		`let s = ""; s.pad(1000000, "a"); regex::find_all("a.*b|a", s)`, // quadratic
		`let s = ""; s.pad(3000000, "a"); regex::is_match("(a?){500}b", s)`,
		`let p = ""; p.pad(5000, "("); regex::is_match(p, "")`,
		`regex::is_match("((((a{30}){30}){30}){30})", "a")`,
		`loop { regex::is_match(uuid::v4(), "a") }`,
	} {
		started := time.Now()
		_, _, err := h.run(source, nil)
		if err == nil {
			t.Errorf("%s went well", source)
		}
		t.Logf("%v for %s: %.80v", time.Since(started).Round(time.Millisecond), source, err)
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("%s took %v", source, took)
		}
	}
}

func TestPatternsAreBounded(t *testing.T) {
	t.Parallel()
	var ps Patterns
	for i := range 500 {
		if _, err := ps.compile("x{" + string(rune('0'+i%10)) + "}" + strings.Repeat("a", i)); err != nil {
			t.Fatal(err)
		}
		if len(ps.byText) > maxPatterns || len(ps.byText) != len(ps.order) || ps.size > maxKeptSize {
			t.Fatalf("%d patterns of size %d are kept", len(ps.byText), ps.size)
		}
	}
}

// TestRandomnessIsTheInvocations checks that the same randomness gives the
// same run.
func TestRandomnessIsTheInvocations(t *testing.T) {
	t.Parallel()
	const source = `[uuid::v4(), uuid::v7(), rand::int(0, 1000000), rand::float(), rand::string(10), time::now()]`
	one, two := newHost(t), newHost(t)
	if a, b := one.value(source, nil), two.value(source, nil); a != b {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
	two.seed[0] = 1
	if a, b := one.value(source, nil), two.value(source, nil); a == b {
		t.Errorf("other randomness, same run: %s", a)
	}
}

func TestThrown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		thrown  any
		status  int
		message string
	}{
		{map[string]any{"status": int64(404), "message": "no"}, 404, "no"},
		{map[string]any{"status": int64(404)}, 404, "Not Found"},
		{map[string]any{"status": int64(599), "message": 7}, 599, ""},
		{map[string]any{"status": int64(399)}, 0, ""},
		{map[string]any{"status": int64(600)}, 0, ""},
		{map[string]any{"status": "404"}, 0, ""},
		{map[string]any{}, 0, ""},
		{"404", 0, ""},
		{nil, 0, ""},
	} {
		status, message, ok := Thrown(c.thrown)
		if status != c.status || message != c.message || ok != (c.status != 0) {
			t.Errorf("%v: %d %q %v", c.thrown, status, message, ok)
		}
	}
}
