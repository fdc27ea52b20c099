package httpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo tells what the handler sees of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.Header().Set("Connection", "close")
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s host=%s query=%s body=%q", r.Method, r.URL.Path, r.Host, r.URL.RawQuery, body)
}

// start serves a handler until the test ends, and returns the address.
func start(t testing.TB, h http.HandlerFunc, edits ...func(*Server)) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Handler: h, Log: slog.New(slog.DiscardHandler)}
	for _, edit := range edits {
		edit(s)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, l.Addr().String()
}

// client is a connection that speaks in bytes.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // a test that hangs says where
	return &client{c, t, bufio.NewReader(c)}
}

func (c *client) send(s string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// answer reads a response to a method; its body is in memory.
func (c *client) answer(method string) (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("read the answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("read the answer's body: %v", err)
	}
	return resp, string(body)
}

// ended checks that the server has ended the connection.
func (c *client) ended() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || errors.Is(err, context.DeadlineExceeded) {
		c.t.Errorf("the connection goes on: %q, %v", rest, err)
	}
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestRequestsOnOneConnection(t *testing.T) {
	_, addr := start(t, echo)
	c := dial(t, addr)
	for i := range 3 {
		c.send(fmt.Sprintf("POST /p/%d?q=%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nb%d", i, i, i))
		resp, body := c.answer("POST")
		same(t, "status", resp.StatusCode, 200)
		same(t, "body", body, fmt.Sprintf(`POST /p/%d host=h query=q=%d body="b%d"`, i, i, i))
		if resp.Header.Get("Date") == "" {
			t.Error("there is no Date")
		}
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	_, addr := start(t, echo)
	var all strings.Builder
	for i := range 50 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n%x\r\n%s\r\n0\r\nT: x\r\n\r\n", i, i+1, strings.Repeat("d", i+1))
	}
	c := dial(t, addr)
	go io.WriteString(c, all.String())
	for i := range 50 {
		_, body := c.answer("POST")
		same(t, "answer", body, fmt.Sprintf(`POST /%d host=h query= body="abc%s"`, i, strings.Repeat("d", i+1)))
	}
}

// A byte at a time is the same request.
func TestRequestInPieces(t *testing.T) {
	_, addr := start(t, echo)
	c := dial(t, addr)
	for _, b := range "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET /y HTTP/1.1\r\nhost: h\r\n\r\n" {
		c.send(string(b))
	}
	_, body := c.answer("POST")
	same(t, "first", body, `POST /x host=h query= body="ab"`)
	_, body = c.answer("GET")
	same(t, "second", body, `GET /y host=h query= body=""`)
}

func TestKeepAlive(t *testing.T) {
	for _, c := range []struct {
		name, request string
		stays         bool
	}{
		{"1.1", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
		{"1.1 close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", false},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", false},
		{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, addr := start(t, echo)
			conn := dial(t, addr).send(c.request)
			conn.answer("GET")
			if !c.stays {
				conn.ended()
				return
			}
			_, body := conn.send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
			same(t, "second", body, `GET /again host=h query= body=""`)
		})
	}
}

func TestExpectContinue(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		echo(w, r)
	})
	c := dial(t, addr).send("POST /yes HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	line, err := c.r.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	c.r.ReadString('\n')
	_, body := c.send("ab").answer("POST")
	same(t, "body", body, `POST /yes host=h query= body="ab"`)
	// Refused without 100, the body may come or not: the connection ends.
	resp, _ := c.send("POST /no HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").answer("POST")
	same(t, "status", resp.StatusCode, 403)
	c.ended()
}

func TestUnreadBody(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "unread") })
	c := dial(t, addr).send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcdePOST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
	for _, method := range []string{"POST", "POST", "GET"} {
		_, body := c.answer(method)
		same(t, "answer", body, "unread")
	}
	resp, _ := c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\nabc").answer("POST")
	same(t, "closes", resp.Close, true)
	c.ended()
}

func TestAnswers(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	cases := []struct {
		name    string
		handler http.HandlerFunc
		method  string
		check   func(*testing.T, *http.Response, string)
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "GET", func(t *testing.T, r *http.Response, body string) {
			same(t, "length", r.ContentLength, 0)
		}},
		{"no content", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(204)
			if _, err := w.Write([]byte("x")); err != http.ErrBodyNotAllowed {
				t.Errorf("write: %v", err)
			}
		}, "GET", func(t *testing.T, r *http.Response, body string) {
			same(t, "length", r.Header.Get("Content-Length"), "")
		}},
		{"HEAD", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, "HEAD",
			func(t *testing.T, r *http.Response, body string) {
				same(t, "length", r.Header.Get("Content-Length"), "5")
			}},
		{"large in one piece", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(large)))
			io.WriteString(w, large)
		}, "GET", func(t *testing.T, r *http.Response, body string) { same(t, "whole", body == large, true) }},
		{"large without a length", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "a")
			io.WriteString(w, large)
			io.WriteString(w, "z")
		}, "GET", func(t *testing.T, r *http.Response, body string) {
			same(t, "whole", body == "a"+large+"z", true)
			same(t, "chunked", strings.Join(r.TransferEncoding, ""), "chunked")
		}},
		{"more than announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			io.WriteString(w, "ab")
			if _, err := io.WriteString(w, "c"); err != http.ErrContentLength {
				t.Errorf("write: %v", err)
			}
		}, "GET", func(t *testing.T, r *http.Response, body string) { same(t, "body", body, "ab") }},
		{"a header that would split", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "a\r\nX-B: b")
			w.Header()["X C: d\r\nX-E"] = []string{"e"}
		}, "GET", func(t *testing.T, r *http.Response, body string) {
			same(t, "the value is one line", r.Header.Get("X-A"), "a  X-B: b")
			same(t, "nothing else", r.Header.Get("X-B")+r.Header.Get("X-E"), "")
		}},
		{"several values", func(w http.ResponseWriter, _ *http.Request) { w.Header()["Set-Cookie"] = []string{"a=1", "b=2"} }, "GET",
			func(t *testing.T, r *http.Response, body string) {
				same(t, "cookies", strings.Join(r.Header["Set-Cookie"], "|"), "a=1|b=2")
			}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, addr := start(t, c.handler)
			conn := dial(t, addr)
			for range 2 { // the connection is as good as new after it
				resp, body := conn.send(c.method + " / HTTP/1.1\r\nHost: h\r\n\r\n").answer(c.method)
				c.check(t, resp, body)
			}
		})
	}
}

func TestShortAnswerEndsTheConnection(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "ab")
		w.(http.Flusher).Flush()
	})
	c := dial(t, addr).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err != io.ErrUnexpectedEOF {
		t.Errorf("the client takes it for whole: %v", err)
	}
}

// A stream arrives as it is written, and its writer learns that the client has
// gone.
func TestStream(t *testing.T) {
	next, gone := make(chan string), make(chan error, 1)
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for {
			select {
			case s := <-next:
				io.WriteString(w, s)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				gone <- context.Cause(r.Context())
				return
			}
		}
	})
	c := dial(t, addr).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(resp.Body)
	for _, s := range []string{"data: 1\n", "data: 2\n"} {
		next <- s
		got, err := lines.ReadString('\n')
		if err != nil || got != s {
			t.Fatalf("%q, %v", got, err)
		}
	}
	c.Close()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("cause: %v", err)
	}
}

// What is watched for a client that goes away gives back what it read ahead.
func TestWatchedRequestsGoOn(t *testing.T) {
	release := make(chan struct{})
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		child, cancel := context.WithCancel(r.Context())
		defer cancel()
		if r.URL.Path == "/wait" {
			select {
			case <-child.Done():
				return
			case <-release:
			}
		}
		echo(w, r)
		if r.Context().Err() != nil {
			t.Error("the context is over while the client is there")
		}
	})
	c := dial(t, addr)
	for i := range 3 {
		c.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n").send(fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", i))
		release <- struct{}{}
		_, body := c.answer("GET")
		same(t, "first", body, `GET /wait host=h query= body=""`)
		_, body = c.answer("POST")
		same(t, "second", body, fmt.Sprintf(`POST /%d host=h query= body="x"`, i))
	}
}

func TestContextIsOverAfterTheRequest(t *testing.T) {
	var kept []context.Context
	_, addr := start(t, func(_ http.ResponseWriter, r *http.Request) {
		_ = r.Context().Done()
		kept = append(kept, r.Context())
	})
	c := dial(t, addr)
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
	}
	<-kept[0].Done()
	<-kept[1].Done()
	same(t, "one context for two requests", kept[0] == kept[1], false)
}

func TestShutdown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
		echo(w, r)
	})
	resting, begun, running := dial(t, addr), dial(t, addr), dial(t, addr)
	resting.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
	begun.send("GET / HTT")
	running.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	<-entered
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(short); err == nil {
		t.Error("a shutdown waits for what runs")
	}
	resting.ended()
	begun.ended()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	close(release)
	resp, body := running.answer("GET")
	same(t, "the request that ran is answered", body, `GET /slow host=h query= body=""`)
	same(t, "and is the last", resp.Close, true)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("a connection is still taken")
	}
}

func TestConnectionLimit(t *testing.T) {
	_, addr := start(t, echo, func(s *Server) { s.MaxConnections = 2 })
	first, second := dial(t, addr), dial(t, addr)
	for _, c := range []*client{first, second} {
		c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
	}
	resp, _ := dial(t, addr).answer("GET")
	same(t, "one too many", resp.StatusCode, 503)
	first.Close()
	for { // its end is noticed in a moment
		c := dial(t, addr)
		c.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
		if resp, err := http.ReadResponse(c.r, nil); err == nil && resp.StatusCode == 200 {
			break
		}
	}
}

func TestSlowClients(t *testing.T) {
	hasty := func(s *Server) { s.HeaderTime, s.IdleTime = 20*time.Millisecond, 40*time.Millisecond }
	t.Run("head", func(t *testing.T) {
		_, addr := start(t, echo, hasty)
		c := dial(t, addr).send("GET / HTTP/1.1\r\nHo")
		resp, _ := c.answer("GET")
		same(t, "status", resp.StatusCode, 408)
		c.ended()
	})
	t.Run("nothing", func(t *testing.T) {
		_, addr := start(t, echo, hasty)
		dial(t, addr).ended()
	})
	t.Run("between requests", func(t *testing.T) {
		_, addr := start(t, echo, hasty)
		c := dial(t, addr).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		c.answer("GET")
		c.ended()
	})
	t.Run("body", func(t *testing.T) {
		failed := make(chan error, 1)
		_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			_, err := io.ReadAll(r.Body)
			failed <- err
		})
		c := dial(t, addr).send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
		var timeout net.Error
		if err := <-failed; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("the handler gets %v", err)
		}
		c.answer("POST")
		c.ended()
	})
	t.Run("reading", func(t *testing.T) {
		failed := make(chan error, 1)
		_, addr := start(t, func(w http.ResponseWriter, _ *http.Request) {
			chunk := make([]byte, 1<<20)
			for {
				if _, err := w.Write(chunk); err != nil {
					failed <- err
					return
				}
			}
		}, func(s *Server) { s.WriteTime = 50 * time.Millisecond })
		dial(t, addr).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		var timeout net.Error
		if err := <-failed; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("the handler gets %v", err)
		}
	})
}

func TestPanicEndsOneConnectionOnly(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("bug")
		}
		echo(w, r)
	})
	dial(t, addr).send("GET /panic HTTP/1.1\r\nHost: h\r\n\r\n").ended()
	dial(t, addr).send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET")
}

func TestManyClients(t *testing.T) {
	_, addr := start(t, echo)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for j := range 50 {
				text := strings.Repeat(fmt.Sprint(i), 1+j*200)
				resp, err := c.Post("http://"+addr+"/x", "text/plain", strings.NewReader(text))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := fmt.Sprintf("POST /x host=%s query= body=%q", addr, text); string(body) != want {
					t.Errorf("got %.80s…, want %.80s…", body, want)
				}
			}
		})
	}
	wg.Wait()
}

// TestAllocations guards the one allocation that a request costs: its head.
func TestAllocations(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); w.Write(hello) })
	c := dial(t, addr)
	request := []byte("GET /hello?name=x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	answer := make([]byte, 4096)
	if n := testing.AllocsPerRun(2000, func() {
		c.Write(request)
		c.Read(answer)
	}); n > 2 {
		t.Errorf("%v allocations a request", n)
	}
}

var hello = []byte("Hello")
