package outbound

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

// bench is a client that may call loopback, and names of a name server of its
// own.
type bench struct {
	*Client
	dns   *testenv.DNS
	waits []time.Duration // between tries
}

func newBench(t *testing.T, edits ...func(*Config)) *bench {
	t.Helper()
	b := &bench{dns: testenv.StartDNS(t)}
	cfg := Config{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "udp", b.dns.Addr)
		}},
		Sleep: func(_ context.Context, d time.Duration) error { b.waits = append(b.waits, d); return nil },
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	b.Client = New(cfg)
	t.Cleanup(func() { b.Close() })
	return b
}

// serve serves a handler on loopback.
func serve(t *testing.T, f http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	return u
}

// raw answers every connection with the same octets, and then as it likes.
func raw(t *testing.T, f func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			if _, err := http.ReadRequest(r); err == nil {
				f(c, r)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String() + "/"
}

// call asks for a GET of a URL whose host is on the list.
func call(address string, edits ...func(*Call)) *Call {
	u, _ := url.Parse(address)
	hosts := picloud.OutHosts{"*"}
	if u != nil && u.Host != "" {
		hosts = append(hosts, u.Host, u.Hostname())
	}
	c := &Call{App: "shop", Hosts: hosts, Method: "GET", URL: address, Header: http.Header{}, Follow: true, MaxBytes: 1 << 20, Time: time.Minute}
	for _, edit := range edits {
		edit(c)
	}
	return c
}

// refused checks that a call failed with a code and a message.
func refused(t *testing.T, what string, err error, code picloud.Code, message string) {
	t.Helper()
	var e *picloud.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("%s: %v, want %s with %q", what, err, code, message)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Mine")+"|"+r.UserAgent())
		w.WriteHeader(207)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
	})
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		a, err := b.Do(t.Context(), call(u.String()+"/a?b=c#d", func(c *Call) {
			c.Method, c.Body = method, "hello"
			c.Header.Set("X-Mine", "yes")
		}))
		if err != nil || a.Status != 207 || string(a.Body) != method+" /a?b=c hello" || a.Header.Get("X-Seen") != "yes|PiCloud" {
			t.Errorf("%s: %+v, %v", method, a, err)
		}
	}
	a, err := b.Do(t.Context(), call(u.String(), func(c *Call) { c.Method = "HEAD" }))
	if err != nil || a.Status != 207 || len(a.Body) != 0 {
		t.Errorf("HEAD: %+v, %v", a, err)
	}
}

// TestAddressesOfURLs tries ways to write an address that is not public.
func TestAddressesOfURLs(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Networks = nil })
	b.dns.Host("metadata.example", [4]byte{169, 254, 169, 254})
	b.dns.Host("me.example", [4]byte{127, 0, 0, 1})
	for _, address := range []string{
		"http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://017700000001/", "http://0177.0.0.1/",
		"http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::]/", "http://0.0.0.0/", "http://0/",
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:7f00:1::]/",
		"http://10.0.0.1/", "http://192.168.0.1/", "http://100.64.0.1/", "http://localhost/", "http://LOCALHOST./", "http://a.localhost/",
		"http://metadata.example/", "http://me.example/", "http://ME.Example./", "http://１２７.０.０.１/", "http://127。0。0。1/",
	} {
		a, err := b.Do(t.Context(), call(address))
		var e *picloud.Error
		if !errors.As(err, &e) || e.Code != picloud.CodeCallDenied && e.Message != "there is no such host" {
			t.Errorf("%s: %+v, %v", address, a, err)
		}
	}
	for address, message := range map[string]string{
		"file:///etc/passwd": "must begin with http", "gopher://example.com/": "must begin with http", "//example.com/": "must begin with http", "": "must begin with http",
		"http:///path": "names no host", "http:example.com": "names no host", "http://user:pw@example.com/": "user name",
		"http://example.com:0/": "port", "http://example.com:99999/": "port", "http://[fe80::1%25eth0]/": "not one", "http://exa mple.com/": "cannot be read", "http://a\x00b/": "cannot be read",
	} {
		_, err := b.Do(t.Context(), call(address))
		refused(t, address, err, picloud.CodeInvalid, message)
	}
}

func TestHostsOfAnApp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	b.dns.Host("nas.example", [4]byte{127, 0, 0, 1})
	at := "http://nas.example:" + u.Port()
	for _, c := range []struct {
		hosts picloud.OutHosts
		want  picloud.Code // "" for an answer
	}{
		{picloud.OutHosts{"nas.example:" + u.Port()}, ""},
		{picloud.OutHosts{"*.example:" + u.Port()}, ""},
		{picloud.OutHosts{"*:" + u.Port()}, picloud.CodeCallDenied},       // every public host, and this one is not
		{picloud.OutHosts{"*"}, picloud.CodeCallDenied},                   // the port
		{picloud.OutHosts{"nas.example"}, picloud.CodeCallDenied},         // the port
		{picloud.OutHosts{"example:" + u.Port()}, picloud.CodeCallDenied}, // names below are others
		{nil, picloud.CodeCallDenied},
	} {
		a, err := b.Do(t.Context(), call(at, func(call *Call) { call.Hosts = c.hosts }))
		if code := picloud.ErrorCode(err); code != c.want || err == nil && string(a.Body) != "ok" {
			t.Errorf("%v: %v, want %q", c.hosts, err, c.want)
		}
	}
}

// TestRebinding: a name that leads elsewhere the second time is looked at the
// second time.
func TestRebinding(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")} })
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("there is no second loopback address here: %v", err)
	}
	var asked atomic.Int32
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		b.dns.Host("shifty.example", [4]byte{127, 0, 0, 1})
		w.Header().Set("Connection", "close")
		http.Redirect(w, r, "/again", http.StatusFound)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	b.dns.Host("shifty.example", [4]byte{127, 0, 0, 2})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_, err = b.Do(t.Context(), call("http://shifty.example:"+port))
	refused(t, "the second look-up", err, picloud.CodeCallDenied, "does not lead to a public address")
	if n := asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var seen atomic.Pointer[http.Request]
	var got atomic.Value
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.Store(r.Method + " " + string(body))
		seen.Store(r)
		fmt.Fprint(w, "there")
	})
	here := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/loop":
			w.Header().Set("Location", "/loop")
		case r.URL.Path == "/here":
			body, _ := io.ReadAll(r.Body)
			got.Store(r.Method + " " + string(body))
			seen.Store(r)
			return
		default:
			w.Header().Set("Location", r.URL.Query().Get("to"))
		}
		var status int
		fmt.Sscan(r.URL.Query().Get("s"), &status)
		w.WriteHeader(max(status, 302))
	})
	to := func(where string, status int) string {
		return fmt.Sprintf("%s/?s=%d&to=%s", here, status, url.QueryEscape(where))
	}
	both := func(edits ...func(*Call)) func(*Call) {
		return func(c *Call) {
			c.Hosts = picloud.OutHosts{here.Host, target.Host, "*"}
			c.Method, c.Body = "POST", "data"
			c.Header.Set("Authorization", "Bearer x")
			c.Header.Set("X-Api-Key", "y")
			c.Header.Set("Cookie", "z=1")
			c.Header.Set("Content-Type", "text/plain")
			c.Header.Set("Accept", "a/b")
			for _, e := range edits {
				e(c)
			}
		}
	}
	for _, c := range []struct {
		where  string
		status int
		want   string
	}{
		{"/here", 301, "GET "}, {"/here", 302, "GET "}, {"/here", 303, "GET "}, {"/here", 307, "POST data"}, {"/here", 308, "POST data"},
		{target.String(), 302, "GET "}, {target.String(), 307, "POST data"},
	} {
		if _, err := b.Do(t.Context(), call(to(c.where, c.status), both())); err != nil || got.Load() != c.want {
			t.Errorf("%d to %s: %v, %v; want %s", c.status, c.where, got.Load(), err, c.want)
			continue
		}
		h := seen.Load().Header
		kept := h.Get("Authorization") + h.Get("X-Api-Key") + h.Get("Cookie")
		if own := c.where == "/here"; own != (kept == "Bearer xyz=1") || !own && kept != "" || h.Get("Accept") != "a/b" {
			t.Errorf("%d to %s: the header %v", c.status, c.where, h)
		}
		if got := h.Get("Content-Type"); (got != "") != (c.want == "POST data") {
			t.Errorf("%d to %s: the content type %q", c.status, c.where, got)
		}
	}

	_, err := b.Do(t.Context(), call(to(target.String(), 307), both(func(c *Call) { c.Sensitive = true })))
	refused(t, "a secret in the body", err, picloud.CodeCallFailed, "must not get a secret")
	_, err = b.Do(t.Context(), call(here.String()+"/loop"))
	refused(t, "a loop", err, picloud.CodeCallFailed, "more than 5 times")
	_, err = b.Do(t.Context(), call(to("http://169.254.169.254/latest/meta-data/", 302), both()))
	refused(t, "to the metadata", err, picloud.CodeCallDenied, "169.254.169.254 does not lead to a public address")
	_, err = b.Do(t.Context(), call(to("file:///etc/passwd", 302), both()))
	refused(t, "to a file", err, picloud.CodeCallFailed, "no http or https")
	_, err = b.Do(t.Context(), call(to("http://elsewhere.example/", 302), func(c *Call) { c.Hosts = picloud.OutHosts{here.Host} }))
	refused(t, "to a host that is not on the list", err, picloud.CodeCallDenied, "elsewhere.example")
	a, err := b.Do(t.Context(), call(to(target.String(), 302), both(func(c *Call) { c.Follow = false })))
	if err != nil || a.Status != 302 || a.Header.Get("Location") != target.String() {
		t.Errorf("not followed: %+v, %v", a, err)
	}
}

// bomb is a megabyte of zeros many times over, compressed.
func bomb(t *testing.T, megabytes int) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	for zeros, n := make([]byte, 1<<20), 0; n < megabytes; n++ {
		if _, err := zip.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnswersThatAreTooMuch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	packed := bomb(t, 64)
	if len(packed) > 1<<17 {
		t.Fatalf("the bomb has %d bytes", len(packed))
	}
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for chunk := make([]byte, 32<<10); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		case "/announced":
			w.Header().Set("Content-Length", "99999999999")
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed)
		case "/nothing": // an endless stream of members that hold nothing
			w.Header().Set("Content-Encoding", "gzip")
			for empty := bomb(t, 0); ; {
				if _, err := w.Write(empty); err != nil {
					return
				}
			}
		case "/exact":
			_, _ = w.Write(make([]byte, 1<<20))
		case "/over":
			_, _ = w.Write(make([]byte, 1<<20+1))
		case "/header":
			w.Header().Set("X-Big", strings.Repeat("x", 100<<10))
		case "/lies":
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "this is no gzip")
		}
	})
	for path, message := range map[string]string{
		"/endless": "more than 1048576 bytes", "/announced": "more than 1048576 bytes", "/bomb": "more than 1048576 bytes", "/nothing": "more than 1048576 bytes",
		"/over": "more than 1048576 bytes", "/header": "head of the answer is too long", "/lies": "not compressed as it says",
	} {
		_, err := b.Do(t.Context(), call(u.String()+path))
		refused(t, path, err, picloud.CodeCallFailed, message)
	}
	a, err := b.Do(t.Context(), call(u.String()+"/exact"))
	if err != nil || len(a.Body) != 1<<20 {
		t.Fatalf("as much as there may be: %v", err)
	}
	if n := b.Held(); n != 1<<20 {
		t.Errorf("%d bytes are held", n)
	}
	b.Release(a)
	if n := b.Held(); n != 0 {
		t.Errorf("%d bytes are held in the end", n)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	packed := bomb(t, 0)
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed)
	})
	a, err := b.Do(t.Context(), call(u.String()))
	if err != nil || len(a.Body) != 0 || a.Header.Get("Content-Encoding") != "" {
		t.Errorf("unpacked: %+v, %v", a, err)
	}
	// Who asks for a coding gets it as it is.
	a, err = b.Do(t.Context(), call(u.String(), func(c *Call) { c.Header.Set("Accept-Encoding", "gzip, br") }))
	if err != nil || !bytes.Equal(a.Body, packed) || a.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("as it is: %+v, %v", a, err)
	}
}

// TestSlowAnswers: the time is for all of a call, however it is filled.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	quiet := func(c net.Conn, r *bufio.Reader) { _, _ = r.ReadByte() } // until the client goes
	for what, begin := range map[string]string{
		"no answer": "", "half a head": "HTTP/1.1 200 OK\r\nX-A: b", "half a body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"only interim answers": "HTTP/1.1 103 Early Hints\r\n\r\n",
	} {
		address := raw(t, func(c net.Conn, r *bufio.Reader) {
			_, _ = io.WriteString(c, begin)
			quiet(c, r)
		})
		_, err := b.Do(t.Context(), call(address, func(c *Call) { c.Time = 50 * time.Millisecond }))
		refused(t, what, err, picloud.CodeCallFailed, "no whole answer within 50ms")
	}
	// A run that ends takes its calls with it.
	gone := errors.New("the run is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	address := raw(t, func(c net.Conn, r *bufio.Reader) { cancel(gone); quiet(c, r) })
	if _, err := b.Do(ctx, call(address)); !errors.Is(err, gone) {
		t.Errorf("the run's end: %v", err)
	}
	for what, c := range map[string]struct{ begin, message string }{
		"nothing":       {"", "there was no answer"},
		"half a body":   {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "broke off"},
		"not even HTTP": {"hello there\r\n\r\n", "there was no answer"},
	} {
		address := raw(t, func(conn net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(conn, c.begin) })
		_, err := b.Do(t.Context(), call(address, func(c *Call) { c.Method = "POST" }))
		refused(t, what, err, picloud.CodeCallFailed, c.message)
	}
	_, err := b.Do(t.Context(), call("http://127.0.0.1:1/"))
	refused(t, "a closed port", err, picloud.CodeCallFailed, "nobody listens there")
	_, err = b.Do(t.Context(), call("http://nowhere.example/"))
	refused(t, "no such name", err, picloud.CodeCallFailed, "there is no such host")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of clients that do not trust it
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	trusting := newBench(t, func(c *Config) { c.TLS = &tls.Config{RootCAs: roots} })
	a, err := trusting.Do(t.Context(), call(s.URL))
	if err != nil || string(a.Body) != "HTTP/1.1" {
		t.Errorf("trusted: %+v, %v", a, err)
	}
	u, _ := url.Parse(s.URL)
	trusting.dns.Host("other.test", [4]byte{127, 0, 0, 1})
	_, err = trusting.Do(t.Context(), call("https://other.test:"+u.Port()))
	refused(t, "another name", err, picloud.CodeCallFailed, "for another name")
	late := newBench(t, func(c *Config) {
		c.TLS = &tls.Config{RootCAs: roots, Time: func() time.Time { return time.Now().AddDate(200, 0, 0) }}
	})
	_, err = late.Do(t.Context(), call(s.URL))
	refused(t, "expired", err, picloud.CodeCallFailed, "expired")
	_, err = newBench(t).Do(t.Context(), call(s.URL))
	refused(t, "not trusted", err, picloud.CodeCallFailed, "signed by nobody who is trusted")
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, err = trusting.Do(t.Context(), call("https://"+plain.Host))
	refused(t, "no TLS", err, picloud.CodeCallFailed, "does not speak TLS")
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	for range 10 {
		if _, err := b.Do(t.Context(), call(s.URL)); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for ten calls", n)
	}
}

// TestNoProxy: the environment's proxy would connect to anything.
func TestNoProxy(t *testing.T) {
	u := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	t.Setenv("HTTP_PROXY", u.String())
	t.Setenv("http_proxy", u.String())
	b := newBench(t)
	_, err := b.Do(t.Context(), call("http://nowhere.example/"))
	refused(t, "with a proxy", err, picloud.CodeCallFailed, "no such host")
}

func TestRetries(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	answers := make(chan func(http.ResponseWriter), 10)
	u := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		select {
		case f := <-answers:
			f(w)
		default:
		}
	})
	status := func(n int, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(n)
		}
	}
	hangUp := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		what    string
		answers []func(http.ResponseWriter)
		edit    func(*Call)
		asked   int32
		status  int
	}{
		{"it gets better", []func(http.ResponseWriter){status(503), status(502)}, nil, 3, 200},
		{"it never does", []func(http.ResponseWriter){status(503), status(503), status(503), status(503), status(503)}, nil, 4, 503},
		{"not found is an answer", []func(http.ResponseWriter){status(404)}, nil, 1, 404},
		{"so is a bug", []func(http.ResponseWriter){status(500)}, nil, 1, 500},
		{"it hangs up", []func(http.ResponseWriter){hangUp, hangUp}, func(c *Call) { c.Method = "PUT" }, 3, 200},
		{"a POST may have happened", []func(http.ResponseWriter){status(503)}, func(c *Call) { c.Method = "POST" }, 1, 503},
		{"a POST with a key", []func(http.ResponseWriter){status(503)}, func(c *Call) { c.Method = "POST"; c.Header.Set("Idempotency-Key", "k") }, 2, 200},
		{"a POST that may", []func(http.ResponseWriter){status(503)}, func(c *Call) { c.Method, c.Retry.Unsafe = "POST", true }, 2, 200},
		{"nobody asked for it", []func(http.ResponseWriter){status(503)}, func(c *Call) { c.Retry = picloud.Retry{} }, 1, 503},
		{"longer than there is time", []func(http.ResponseWriter){status(503, "Retry-After", "3600")}, nil, 1, 503},
	} {
		b := newBench(t)
		for len(answers) > 0 {
			<-answers
		}
		for _, a := range c.answers {
			answers <- a
		}
		asked.Store(0)
		a, err := b.Do(t.Context(), call(u.String(), func(call *Call) {
			call.Retry = picloud.Retry{Max: 3, Backoff: time.Second}
			if c.edit != nil {
				c.edit(call)
			}
		}))
		if err != nil || a.Status != c.status || asked.Load() != c.asked {
			t.Errorf("%s: %+v, %v after %d requests; want %d after %d", c.what, a, err, asked.Load(), c.status, c.asked)
		}
		for i, d := range b.waits {
			if low := time.Second << i; d < low || d > low*3/2 {
				t.Errorf("%s: wait %d took %v", c.what, i, d)
			}
		}
		if want := int64(len(a.Body)); b.Held() != want {
			t.Errorf("%s: %d bytes are held, want %d", c.what, b.Held(), want)
		}
	}
	// The answer's word counts for more than the own.
	b := newBench(t)
	for len(answers) > 0 {
		<-answers
	}
	answers <- status(429, "Retry-After", "7")
	if _, err := b.Do(t.Context(), call(u.String(), func(c *Call) { c.Retry.Max = 1 })); err != nil || len(b.waits) != 1 || b.waits[0] != 7*time.Second {
		t.Errorf("Retry-After: %v, %v", b.waits, err)
	}
}

// TestAppsDoNotTakeEachOthersCalls: an app that calls as much as it may leaves
// room for others.
func TestAppsDoNotTakeEachOthersCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	release := make(chan struct{})
	arrived := make(chan string, 2*callsOfApp)
	u := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- r.URL.Path
		<-release
	})
	done := make(chan error, 2*callsOfApp)
	begin := func(app, path string) {
		go func() {
			_, err := b.Do(context.Background(), call(u.String()+path, func(c *Call) { c.App = app }))
			done <- err
		}()
	}
	for range callsOfApp + 5 {
		begin("greedy", "/greedy")
	}
	for range callsOfApp {
		<-arrived
	}
	begin("other", "/other")
	if got := <-arrived; got != "/other" {
		t.Errorf("%s was called beyond the bound of its app", got)
	}
	close(release)
	for range callsOfApp + 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(b.slots.byApp); n != 0 {
		t.Errorf("%d apps are remembered", n)
	}
}
