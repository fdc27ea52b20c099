package value

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestToJSON(t *testing.T) {
	h := &Heap{}
	fn := h.NewFn("abc", nil, nil)
	curried := h.NewFn("abc", []Value{Int(1), h.NewString("x")}, nil)
	v := obj(h, "b", h.NewBlob([]byte{1, 255}), "c", Char('a'), "q", Char('\''), "f", fn, "g", curried, "fl", Float(1e20), "n", Unit,
		"r", h.NewRange(1, 3, false), "s", h.NewString("e\u0301\x01"), "z", arr(h, Float(math.NaN()), Bool(true), obj(h)))
	got, err := h.JSONOf(nil, v)
	want := `{"b":[1,255],"c":"a","f":"abc","fl":1e20,"g":["abc",1,"x"],"n":null,"q":"'","r":"1..3","s":"é\u0001","z":[null,true,{}]}`
	if err != nil || got.Str() != want {
		t.Errorf("%v\n got %s\nwant %s", err, got.Str(), want)
	}
}

func TestStrictJSON(t *testing.T) {
	h := &Heap{}
	for _, c := range []struct {
		v    Value
		want string
	}{
		{Unit, "null"}, {Bool(true), "true"}, {Int(-5), "-5"}, {Float(1), "1.0"}, {Float(1e20), "1e20"}, {Float(math.NaN()), "null"},
		{Float(math.Inf(-1)), "null"}, {Char('"'), `"\""`}, {Byte(7), "7"}, {h.NewBlob([]byte("hi!")), `"aGkh"`},
		{h.NewString("é\u2028\x7f\x00\n\xff"), "\"é\u2028\x7f\\u0000\\n\ufffd\""},
		{arr(h, Int(1), arr(h), obj(h, "b", Int(1), "a", Unit)), `[1,[],{"a":null,"b":1}]`},
		{h.NewString(strings.Repeat("é\x01", 500)), `"` + strings.Repeat(`é\u0001`, 500) + `"`},
	} {
		got, err := AppendStrictJSON(nil, nil, c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%s (%v), want %s", got, err, c.want)
		}
		if !json.Valid(got) {
			t.Errorf("not JSON: %s", got)
		}
	}
	_, err := AppendStrictJSON(nil, nil, obj(h, "a", arr(h, Int(1), h.NewFn("f", nil, nil))))
	if err == nil || !strings.Contains(err.Error(), `in property "a": in element 1: a value of type Fn`) {
		t.Errorf("%v", err)
	}
}

func TestParseJSON(t *testing.T) {
	h := &Heap{}
	for in, want := range map[string]string{
		` {"b": [1, 2.5, -0, 1e3], "a": {"x": null}} `: `#{"a": #{"x": ()}, "b": [1, 2.5, 0, 1000.0]}`,
		`9223372036854775807`:                          `9223372036854775807`,
		`-9223372036854775808`:                         `-9223372036854775808`,
		`9223372036854775808`:                          `9.223372036854776e18`,
		`123456789012345678`:                           `123456789012345678`,
		`1e999`:                                        `inf`,
		`"\u00e9\ud83d\ude00\n\/\b\f\"\\"`:             "\"é\U0001f600\\n/\\u{8}\\u{c}\\\"\\\\\"",
		`"é"`:                                          `"é"`,
		`[]`:                                           `[]`,
		`{}`:                                           `#{}`,
		`[true,false,null,""]`:                         `[true, false, (), ""]`,
		`[{"a":1,"b":2},{"a":3,"b":4},{"b":5,"a":6}]`: `[#{"a": 1, "b": 2}, #{"a": 3, "b": 4}, #{"a": 6, "b": 5}]`,
		`[{"a":1},{"a":1,"b":2},{"a":1},{"c":3}]`:     `[#{"a": 1}, #{"a": 1, "b": 2}, #{"a": 1}, #{"c": 3}]`,
		`{"a":{"a":{"a":1}},"b":{"a":2}}`:             `#{"a": #{"a": #{"a": 1}}, "b": #{"a": 2}}`,
	} {
		v, err := ParseJSON(h, nil, []byte(in), 64)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, _ := Debug(nil, v); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestParseJSONErrors(t *testing.T) {
	h := &Heap{}
	for in, want := range map[string]string{
		``:                      "line 1, column 1: expected a value, found the end",
		"{\n  \"a\" 1}":         "line 2, column 7: expected ':', found '1'",
		`{a: 1}`:                "column 2: expected a key in double quotes, found 'a'",
		`[1, 2`:                 "column 6: expected ',' or ']', found the end",
		`[1,]`:                  "column 4: expected a value, found ']'",
		`{"a":1,}`:              "column 8: expected a key in double quotes, found '}'",
		`{"é":1,"a":2,"é":3}`:   `the key "é" twice`,
		`01`:                    "column 1: a number cannot start with a superfluous 0",
		`1.`:                    "expected a digit after the decimal point",
		`1e+`:                   "expected a digit in the exponent",
		`-`:                     "expected a digit, found the end",
		`nul`:                   "expected `null`",
		`1 2`:                   "column 3: expected the end of the text, found '2'",
		`"abc`:                  "no end",
		"\"a\nb\"":              "control character U+000A",
		`"\x"`:                  "column 3: expected an escape",
		`"\u12g4"`:              "four hexadecimal digits",
		`"\ud800"`:              "half a surrogate pair",
		`"\ud800\u0041"`:        "half a surrogate pair",
		`"\udc00"`:              "half a surrogate pair",
		"\"ab\xff\"":            "column 4: found the byte 0xff",
		"\"\\n\xff\"":           "found the byte 0xff",
		`'a'`:                   `expected a value, found '\''`,
		`// no`:                 "expected a value, found '/'",
		strings.Repeat("[", 65): "nested more than 64 levels",
		`NaN`:                   "expected a value, found 'N'",
		"\ufeff1":               "expected a value",
	} {
		_, err := ParseJSON(h, nil, []byte(in), 64)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestParseJSONLimits(t *testing.T) {
	for _, c := range []struct {
		in    string
		sizes Sizes
		ok    bool
	}{
		{`"abc"`, Sizes{String: 3}, true}, {`"abcd"`, Sizes{String: 3}, false}, {`["ab","cd"]`, Sizes{String: 3}, false},
		{`[1,2]`, Sizes{Array: 2}, true}, {`[1,2,3]`, Sizes{Array: 2}, false}, {`[[1],[2]]`, Sizes{Array: 3}, false},
		{`{"a":1}`, Sizes{Map: 1}, true}, {`{"a":1,"b":2}`, Sizes{Map: 1}, false}, {`{"a":{"b":1}}`, Sizes{Map: 1}, false},
	} {
		h := &Heap{Sizes: c.sizes}
		if _, err := ParseJSON(h, nil, []byte(c.in), 9); (err == nil) != c.ok {
			t.Errorf("%s with %v: %v", c.in, c.sizes, err)
		}
	}
	h := &Heap{Limit: 1 << 20}
	_, err := ParseJSON(h, nil, []byte("["+strings.Repeat("{},", 100_000)+"1]"), 9)
	if e, ok := err.(*Error); !ok || e.Kind != ErrMemory {
		t.Errorf("memory: %v", err)
	}
	f := fuel(10)
	if _, err := ParseJSON(&Heap{}, &f, []byte(strings.Repeat(" ", 1000)+"1"), 9); err == nil {
		t.Error("parsing was not billed")
	}
}

// TestParseJSONAgrees compares with encoding/json where both have the same
// rules.
func TestParseJSONAgrees(t *testing.T) {
	h := &Heap{}
	for i := range 200 {
		text := benchText(i%7 + 1)
		v, err := ParseJSON(h, nil, text, 64)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		mine, err := AppendStrictJSON(nil, nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(text, &a) != nil || json.Unmarshal(mine, &b) != nil {
			t.Fatal("encoding/json refuses")
		}
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%v\n%v", a, b)
		}
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(`{"a": [1, 2.5, null, "x\u00e9"], "b": {"a": true}}`))
	f.Add([]byte(`["\ud83d\ude00", -0, 1e5, 12345678901234567890]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h := &Heap{}
		v, err := ParseJSON(h, nil, text, 64)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("accepted %q", text)
		}
		out, err := AppendStrictJSON(nil, nil, v)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseJSON(h, nil, out, 64)
		if err != nil {
			// Only an overflowed number changes, to null.
			t.Fatalf("%s: %v", out, err)
		}
		back, _ := AppendStrictJSON(nil, nil, again)
		if string(out) != string(back) {
			t.Fatalf("%s\n%s", out, back)
		}
	})
}

func benchText(n int) []byte {
	var b strings.Builder
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"user number %d","email":"user%d@example.com","score":%g,"tags":["a","b","ümlaut"],"address":{"street":"Main St %d","zip":"%05d"},"active":%v}`,
			i, i, i, float64(i)*1.25+0.5, i, i, i%2 == 0)
	}
	b.WriteByte(']')
	return []byte(b.String())
}

func BenchmarkParseJSON(b *testing.B) {
	text := benchText(100)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseJSON(&Heap{}, nil, text, 64); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseJSONStd(b *testing.B) {
	text := benchText(100)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStrictJSON(b *testing.B) {
	v, err := ParseJSON(&Heap{}, nil, benchText(100), 64)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = AppendStrictJSON(dst[:0], nil, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStrictJSONStd(b *testing.B) {
	var v any
	if err := json.Unmarshal(benchText(100), &v); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}
