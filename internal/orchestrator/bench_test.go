package orchestrator

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// BenchmarkHello compares the same hello as a bare handler, through the
// orchestrator without a script, and as a script: what the edge costs, and
// what the script costs. The network is left out of all three.
func BenchmarkHello(b *testing.B) {
	hello := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("Hello"))
	}
	b.Run("net-http", func(b *testing.B) {
		mux := http.NewServeMux()
		mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { hello(w) })
		serveBench(b, mux)
	})
	b.Run("orchestrator", func(b *testing.B) {
		n := startNode(b, func(context.Context, *picloud.Execution) *picloud.Outcome {
			return &picloud.Outcome{Response: &picloud.Response{
				Status: 200, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte("Hello"),
			}}
		})
		n.deploy("hello", "1")
		serveBench(b, n)
	})
	b.Run("script", func(b *testing.B) {
		n := startNode(b, nil)
		n.deploy("hello", `fn handle(req) { "Hello" }`)
		serveBench(b, n)
	})
}

func serveBench(b *testing.B, h http.Handler) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/hello", nil))
			if w.Code != 200 || w.Body.String() != "Hello" {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
}

// BenchmarkHelloServer is BenchmarkHello over real connections: the ratio that
// a user sees.
func BenchmarkHelloServer(b *testing.B) {
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte("Hello"))
	}))
	b.Cleanup(bare.Close)
	b.Run("net-http", func(b *testing.B) { callBench(b, bare.URL+"/hello") })
	b.Run("script", func(b *testing.B) {
		n := startNode(b, nil)
		n.deploy("hello", `fn handle(req) { "Hello" }`)
		callBench(b, "http://"+n.addr+"/hello")
	})
}

func callBench(b *testing.B, url string) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := c.Get(url)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body) // or the connection is not used again
			resp.Body.Close()
		}
	})
}

// BenchmarkProfile puts a hello script under the load of wrk, which is a
// process of its own, so that a profile shows the server and nothing else:
//
//	go test -run '^$' -bench Profile -benchtime 1x -cpuprofile hello.prof ./internal/orchestrator
func BenchmarkProfile(b *testing.B) {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		b.Skip("wrk, the load generator, is not installed")
	}
	n := startNode(b, nil)
	n.deploy("hello", `fn handle(req) { #{ hello: req.query.name } }`)
	b.ResetTimer()
	for range b.N {
		out, err := exec.Command(wrk, "-t1", "-c32", "-d5s", "http://"+n.addr+"/hello?name=Ada").CombinedOutput()
		if err != nil {
			b.Fatalf("wrk: %v\n%s", err, out)
		}
		b.Logf("%s", out)
	}
}

// BenchmarkHandler is a hello request without a server: what is ours.
func BenchmarkHandler(b *testing.B) {
	n := startNode(b, nil)
	n.deploy("hello", `fn handle(req) { #{ hello: req.query.name } }`)
	r := httptest.NewRequest("GET", "/hello?name=Ada", nil)
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		n.ServeHTTP(w, r)
	}
}

// sink is a response that keeps nothing, as the server's uses what it has
// again.
type sink struct {
	header http.Header
	status int
	body   int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.body += len(p); return len(p), nil }
