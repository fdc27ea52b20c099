package httpd

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// refused are requests that must not be served, with the status that says so.
// Each is followed by a request that must not be served either: where the first
// one ends is not known.
var refused = []struct {
	name, text string
	status     int
}{
	{"bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400},
	{"bare LF in the head", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
	{"bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400},
	{"bare CR before a name", "GET / HTTP/1.1\r\nHost: h\r\n\rX: a\r\n\r\n", 400},
	{"bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"CR CR LF", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400},
	{"empty line first", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"space first", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"space after the version", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
	{"tab for a space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"no version", "GET /\r\nHost: h\r\n\r\n", 400},
	{"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
	{"version 2", "PRI * HTTP/2.0\r\n\r\n", 505},
	{"version 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
	{"version 01.1", "GET / HTTP/01.1\r\nHost: h\r\n\r\n", 505},
	{"method that is no token", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target with a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target with a control character", "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target of another kind", "GET a/b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target with a wrong escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target with a user", "GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"target of another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"star for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"CONNECT to a path", "CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
	{"no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
	{"Host with a slash", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
	{"Host with a user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
	{"folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
	{"folded first line", "GET / HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n", 400},
	{"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
	{"no colon", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", 400},
	{"no name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400},
	{"name that is no token", "GET / HTTP/1.1\r\nHost: h\r\nX(: x\r\n\r\n", 400},
	{"zero byte", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400},
	{"delete byte", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fb\r\n\r\n", 400},
	{"length and coding", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"coding and length", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
	{"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
	{"the same length twice", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
	{"list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
	{"length with a sign", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400},
	{"negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\nabc", 400},
	{"hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", 400},
	{"empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nabc", 400},
	{"length too large", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 400},
	{"two codings", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"list of codings", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501},
	{"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501},
	{"coding with a vertical tab", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400},
	{"quoted coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501},
	{"coding in 1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"another expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417},
	{"chunk size with a prefix", chunked + "0x3\r\nabc\r\n0\r\n\r\n", 400},
	{"chunk size with a sign", chunked + "+3\r\nabc\r\n0\r\n\r\n", 400},
	{"chunk size with a space before", chunked + " 3\r\nabc\r\n0\r\n\r\n", 400},
	{"chunk size that overflows", chunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
	{"chunk size that is empty", chunked + "\r\nabc\r\n0\r\n\r\n", 400},
	{"chunk line with LF", chunked + "3\nabc\r\n0\r\n\r\n", 400},
	{"chunk that is longer", chunked + "3\r\nabcd\r\n0\r\n\r\n", 400},
	{"chunk without its end", chunked + "3\r\nabc0\r\n\r\n", 400},
	{"chunk ended by LF", chunked + "3\r\nabc\n0\r\n\r\n", 400},
	{"chunk extension with a CR", chunked + "3;a\rb\r\nabc\r\n0\r\n\r\n", 400},
	{"chunk extension without end", chunked + "3;" + strings.Repeat("x", 1000) + "\r\nabc\r\n0\r\n\r\n", 400},
	{"trailer that is none", chunked + "0\r\nX\r\n\r\n", 400},
	{"trailer that is folded", chunked + "0\r\nX: a\r\n b\r\n\r\n", 400},
	{"trailers without end", chunked + "0\r\n" + strings.Repeat("X: aaaaaaaaaaaaaaaa\r\n", 1000) + "\r\n", 400},
	{"chunks of a byte", chunked + strings.Repeat("1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n", 5000) + "0\r\n\r\n", 400},
	{"too many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", maxFields) + "\r\n", 431},
	{"a head too large", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("y", 64<<10) + "\r\n\r\n", 431},
	{"a head too large without end", "GET /" + strings.Repeat("y", 65<<10), 431},
	{"TLS", "\x16\x03\x01\x02\x00", 400},
}

const chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

func TestRefusedRequests(t *testing.T) {
	smuggled := false
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		smuggled = smuggled || r.URL.Path == "/smuggled"
		echo(w, r)
	})
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, addr)
			// The server may have ended the connection before all is sent.
			go io.WriteString(conn, c.text+"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
			resp, body := conn.answer("GET")
			same(t, "status of "+strings.TrimSpace(body), resp.StatusCode, c.status)
			conn.ended()
		})
	}
	if smuggled {
		t.Error("what followed a refused request was served")
	}
}

// seen is what a server makes of a request.
type seen struct {
	method, host, path, raw, query, body string
	header                               string
	length                               int64
	close                                bool
}

// parseOurs reads a request from bytes with our parser.
func parseOurs(data []byte) (*seen, error) {
	data = bytes.Clone(data)
	size, bad := headEnd(data, 0)
	if bad != nil {
		return nil, bad
	}
	if size == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	var h head
	header := http.Header{}
	if _, bad := h.parse(data[:size], header, nil); bad != nil {
		return nil, bad
	}
	var u url.URL
	if bad := parseTarget(h.method, h.target, &u); bad != nil {
		return nil, bad
	}
	c := &conn{s: &Server{}, buf: data, r: size, w: len(data), net: ended{}}
	c.watch.c, c.answer.c = c, c
	c.body.begin(c, &h)
	body, err := io.ReadAll(&c.body)
	if err != nil {
		return nil, err
	}
	if h.chunked {
		delete(header, "Transfer-Encoding")
	}
	host := h.host
	if u.Host != "" {
		host = u.Host
	}
	return &seen{h.method, host, u.Path, u.RawPath, u.RawQuery, string(body), show(header), h.length, !h.persistent()}, nil
}

// parseTheirs reads it with net/http's.
func parseTheirs(data []byte) (*seen, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return &seen{r.Method, r.Host, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, string(body), show(r.Header), r.ContentLength, r.Close}, nil
}

// show writes a header in order. A Connection that both understand is no part
// of the comparison.
func show(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s=%q\n", name, h[name])
	}
	return b.String()
}

// Whatever our parser takes, net/http's takes too, and for the same. (It also
// takes requests that ours refuses: those of TestRefusedRequests among them.)
func compare(t *testing.T, data []byte) {
	t.Helper()
	ours, err := parseOurs(data)
	if err != nil {
		return
	}
	theirs, err := parseTheirs(data)
	if err != nil {
		t.Fatalf("net/http refuses what we take: %v\n%q", err, data)
	}
	if *ours != *theirs {
		t.Fatalf("they differ on %q:\n ours   %+v\n theirs %+v", data, *ours, *theirs)
	}
}

// accepted are requests that are served.
var accepted = []string{
	"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /a/b%20c?x=1&y=%2f HTTP/1.1\r\nhost: h:80\r\naccept-language: de\r\nx-a: 1\r\nX-A: 2\r\n\r\n",
	"GET /a?  HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /a? HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET //a//b/../c HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /\xc3\xa4\"<>|^`{} HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /a!'()*[] HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
	"GET http://other.example/p?q HTTP/1.1\r\nHost: h\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	"GET / HTTP/1.1\r\nHost:h\r\nX:\t a \t b \t\r\nEmpty:\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\nabcGET",
	chunked + "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
	chunked + "0\r\n\r\n",
	"PATCH-x_y / HTTP/1.1\r\nHost: h\r\n\r\n",
}

func TestSameAsNetHTTP(t *testing.T) {
	for _, text := range accepted {
		if _, err := parseOurs([]byte(text)); err != nil && !strings.Contains(text, "?  ") {
			t.Errorf("%q is refused: %v", text, err)
		}
		compare(t, []byte(text))
	}
	for _, c := range refused {
		compare(t, []byte(c.text))
	}
}

func FuzzSameAsNetHTTP(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(text))
	}
	for _, c := range refused {
		if len(c.text) < 1<<10 {
			f.Add([]byte(c.text))
		}
	}
	f.Fuzz(compare)
}

func FuzzServer(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(text + "GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
	}
	_, addr := start(f, echo)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := dial(t, addr)
		go func() {
			c.Write(data)
			c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		io.Copy(io.Discard, c) // it ends
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte("GET /hello?name=Ada HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,application/json\r\nAccept-Language: de\r\nAccept-Encoding: gzip\r\n\r\n")
	b.Run("httpd", func(b *testing.B) {
		b.ReportAllocs()
		var h head
		var u url.URL
		var values []string
		header := http.Header{}
		for b.Loop() {
			clear(header)
			size, _ := headEnd(text, 0)
			values, _ = h.parse(text[:size], header, values)
			parseTarget(h.method, h.target, &u)
		}
	})
	b.Run("net-http", func(b *testing.B) {
		b.ReportAllocs()
		in := bytes.NewReader(text)
		r := bufio.NewReader(in)
		for b.Loop() {
			in.Reset(text)
			r.Reset(in)
			if _, err := http.ReadRequest(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
