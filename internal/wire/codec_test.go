package wire

import (
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// fill sets every field below v to something that is not zero, so that one that
// is not carried over shows.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 7)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprint("x", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	default:
		v.SetInt(int64(*n))
	}
}

func fullExecution() *picloud.Execution {
	x, n := new(picloud.Execution), 0
	fill(reflect.ValueOf(x).Elem(), &n)
	return x
}

// fullOutcome has everything, in values that an executor may say.
func fullOutcome(failed bool) *picloud.Outcome {
	o, n := new(picloud.Outcome), 0
	fill(reflect.ValueOf(o).Elem(), &n)
	for i := range o.Logs {
		l := &o.Logs[i]
		*l = picloud.LogLine{At: l.At, Level: picloud.LevelWarn, Message: l.Message, Line: l.Line} // what an outcome has
	}
	for i := range o.Effects.Writes {
		o.Effects.Writes[i].Kind, o.Effects.Writes[i].Value = picloud.ValueJSON, []byte("1")
		o.Effects.Writes[i].Delete = false
	}
	for i := range o.Effects.FileWrites {
		o.Effects.FileWrites[i].Delete, o.Effects.FileWrites[i].Type = false, "text/plain"
	}
	for i := range o.Effects.Messages {
		o.Effects.Messages[i].Kind, o.Effects.Messages[i].Body = picloud.ValueJSON, []byte("1")
	}
	o.Response.Status, o.Response.Header = 201, http.Header{"X-One": {"1", "2"}, "Content-Type": {"a/b"}}
	o.Error.Code, o.Error.Status = picloud.CodeThrown, 404
	if failed {
		o.Response = nil
		o.Effects.Drop()
	} else {
		o.Error = nil
	}
	return o
}

func testLimits() *picloud.Limits {
	l := picloud.DefaultLimits()
	l.ResponseBytes, l.LogBytes = 1000, 1000
	return &l
}

// TestEverythingIsCarriedOver fails when a field is added and not written.
func TestEverythingIsCarriedOver(t *testing.T) {
	t.Parallel()
	x := fullExecution()
	for _, owned := range []bool{false, true} {
		got, wait, err := decodeExecution(appendExecution(nil, x, 5*time.Second), owned)
		if err != nil || wait != 5*time.Second || !reflect.DeepEqual(got, x) {
			t.Errorf("an execution arrives as\n%+v, %v, %v, sent was\n%+v", got, wait, err, x)
		}
	}
	for _, failed := range []bool{false, true} {
		o := fullOutcome(failed)
		got, err := decodeOutcome(appendOutcome(nil, o), false, testLimits())
		if err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("an outcome arrives as\n%+v, %v, sent was\n%+v", got, err, o)
		}
	}
	for _, x := range []*picloud.Execution{{}, {Request: &picloud.Request{}}, {Request: &picloud.Request{Header: http.Header{}, Body: []byte{}}, Env: map[string]string{}}} {
		if got, _, err := decodeExecution(appendExecution(nil, x, 0), false); err != nil || !reflect.DeepEqual(got, x) {
			t.Errorf("an empty execution arrives as %+v, %v", got, err)
		}
	}
	h := Hello{Program: "v1", PID: 7, Measures: []picloud.Measure{{Name: "a", Done: true, Detail: "b"}, {Name: "c"}}}
	if got, err := decodeHello(appendHello(nil, h)); err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("a hello arrives as %+v, %v", got, err)
	}
}

// TestWhatNoExecutorSaysIsRefused has outcomes that are well-formed and wrong.
func TestWhatNoExecutorSaysIsRefused(t *testing.T) {
	t.Parallel()
	response := func(edit func(*picloud.Response)) func(*picloud.Outcome) {
		return func(o *picloud.Outcome) { edit(o.Response) }
	}
	failure := func(e picloud.ScriptError) func(*picloud.Outcome) {
		return func(o *picloud.Outcome) { o.Response, o.Error = nil, &e }
	}
	for what, edit := range map[string]func(*picloud.Outcome){
		"status 100":             response(func(r *picloud.Response) { r.Status = 100 }),
		"status 700":             response(func(r *picloud.Response) { r.Status = 700 }),
		"one byte too many":      response(func(r *picloud.Response) { r.Body = make([]byte, 1001) }),
		"the admin's cookie":     response(func(r *picloud.Response) { r.Header.Set("Set-Cookie", picloud.AdminCookie+"=x") }),
		"its own length":         response(func(r *picloud.Response) { r.Header["content-length"] = []string{"7"} }),
		"another's id":           response(func(r *picloud.Response) { r.Header.Set("X-Request-Id", "x") }),
		"a split header":         response(func(r *picloud.Response) { r.Header.Set("X-A", "b\r\nc: d") }),
		"a header without name":  response(func(r *picloud.Response) { r.Header[""] = []string{"x"} }),
		"too many headers":       response(func(r *picloud.Response) { r.Header["X-Many"] = make([]string, picloud.MaxHeaderFields+2) }),
		"a code of capitals":     failure(picloud.ScriptError{Code: "Nonsense"}),
		"a code that is long":    failure(picloud.ScriptError{Code: picloud.Code(strings.Repeat("a", 33))}),
		"no code":                failure(picloud.ScriptError{}),
		"a throw of 200":         failure(picloud.ScriptError{Code: picloud.CodeThrown, Status: 200}),
		"a message of megabytes": failure(picloud.ScriptError{Code: picloud.CodeInternal, Message: strings.Repeat("a", maxErrorText+1)}),
		"a level of its own":     func(o *picloud.Outcome) { o.Logs = []picloud.LogLine{{Level: "shout"}} },
		"too long a log": func(o *picloud.Outcome) {
			o.Logs = []picloud.LogLine{{Level: picloud.LevelInfo, Message: strings.Repeat("a", 1000+logRoom)}}
		},
		"too many lines":      func(o *picloud.Outcome) { o.Logs = make([]picloud.LogLine, 1000) },
		"time that runs back": func(o *picloud.Outcome) { o.Duration = -1 },
		"operations to gain":  func(o *picloud.Outcome) { o.Operations = -1 },
	} {
		o := fullOutcome(false)
		edit(o)
		if got, err := decodeOutcome(appendOutcome(nil, o), false, testLimits()); err == nil {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// bounded fails when f, which reads n bytes, takes much more memory than those.
func bounded(t *testing.T, n int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(128*n+256<<10); took > most {
		t.Errorf("%d bytes made it take %d, at most %d are allowed", n, took, most)
	}
}

func FuzzExecution(f *testing.F) {
	f.Add(appendExecution(nil, fullExecution(), time.Second))
	f.Add(appendExecution(nil, &picloud.Execution{}, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
			x, wait, err := decodeExecution(b, false)
			if err != nil {
				return
			}
			again, _, err := decodeExecution(appendExecution(nil, x, wait), false)
			if err != nil || !reflect.DeepEqual(again, x) {
				t.Errorf("%+v becomes %+v, %v", x, again, err)
			}
		})
	})
}

func FuzzOutcome(f *testing.F) {
	f.Add(appendOutcome(nil, fullOutcome(false)))
	f.Add(appendOutcome(nil, fullOutcome(true)))
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
			o, err := decodeOutcome(b, false, testLimits())
			if err != nil {
				return
			}
			if (o.Response == nil) == (o.Error == nil) {
				t.Errorf("neither or both: %+v", o)
			}
			again, err := decodeOutcome(appendOutcome(nil, o), false, testLimits())
			if err != nil || !reflect.DeepEqual(again, o) {
				t.Errorf("%+v becomes %+v, %v", o, again, err)
			}
		})
	})
}

func FuzzHello(f *testing.F) {
	f.Add(appendHello(nil, Hello{Program: "v1", Measures: []picloud.Measure{{Name: "a"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() { _, _ = decodeHello(b) })
	})
}
