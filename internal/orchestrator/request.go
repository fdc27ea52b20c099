package orchestrator

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// What a request's head may hold. The server's own bound (see NewServer) is
// above these, so that going over one has a clear answer.
const (
	maxURL         = 8 << 10
	maxHeaderBytes = 32 << 10
)

// checkHead refuses a request whose head is too large, and methods that no
// script should see: CONNECT and TRACE are for proxies.
func checkHead(r *http.Request) error {
	if len(r.RequestURI) > maxURL {
		return picloud.Errorf(picloud.CodeURITooLong, "the URL has more than %d bytes", maxURL)
	}
	if !validHost(r.Host) {
		return picloud.Errorf(picloud.CodeMalformed, "the host is not one")
	}
	total := 0
	for name, values := range r.Header {
		for _, v := range values {
			total += len(name) + len(v) + 4
		}
	}
	if total > maxHeaderBytes {
		return picloud.Errorf(picloud.CodeHeadersTooLarge, "the headers have more than %d bytes", maxHeaderBytes)
	}
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return picloud.Errorf(picloud.CodeMethodNotAllowed, "the method %s is not served", r.Method)
	}
	return nil
}

// maxHost is the longest Host: a name of 253 bytes, a final dot, and a port.
const maxHost = 253 + 1 + 6

// validHost reports whether a Host is a name or an address, with or without a
// port, that everybody reads in the same way. One that is absent is the
// clients' of HTTP/1.0.
func validHost(host string) bool {
	if len(host) > maxHost {
		return false
	}
	name := host
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 || end+1 < len(host) && host[end+1] != ':' {
			return false
		}
		if _, err := netip.ParseAddr(host[1:end]); err != nil {
			return false
		}
		name = host[end+1:]
	}
	name, port, _ := strings.Cut(name, ":")
	for i := range len(port) {
		if !digit(port[i]) {
			return false
		}
	}
	for i := range len(name) {
		if c := name[i]; !digit(c) && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// forwardedHeaders are those in which proxies say for whom they ask.
var forwardedHeaders = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Forwarded"}

// newRequest is a request as scripts see it, all but its body and parameters.
// It takes the header over, and takes out of it what scripts must not see.
func (o *Orchestrator) newRequest(r *http.Request, path string) *picloud.Request {
	q := &picloud.Request{
		Method: r.Method, Scheme: "http", Host: r.Host, Path: path, RawQuery: r.URL.RawQuery, Header: r.Header,
		IP: peer(r.RemoteAddr),
	}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	if o.trusted(q.IP) {
		o.believe(q)
	} else {
		for _, name := range forwardedHeaders {
			delete(q.Header, name)
		}
	}
	dropAdminCookie(q.Header)
	dropTokens(q.Header)
	return q
}

// peer is the address of a connection without its port.
func peer(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

func (o *Orchestrator) trusted(ip string) bool {
	if len(o.cfg.TrustedProxies) == 0 {
		return false
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, p := range o.cfg.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// believe takes what a trusted proxy says: the client is the last address of
// X-Forwarded-For that is not a trusted proxy itself. What stands before it
// was written by the client.
func (o *Orchestrator) believe(q *picloud.Request) {
	hops := strings.Split(strings.Join(q.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		q.IP = addr.Unmap().String()
		if !o.trusted(q.IP) {
			break
		}
	}
	switch proto := strings.ToLower(q.Header.Get("X-Forwarded-Proto")); proto {
	case "http", "https":
		q.Scheme = proto
	}
}

// dropAdminCookie takes the admin's session out of a header: browsers send the
// cookies of a host to every port of it.
func dropAdminCookie(h http.Header) {
	lines := h["Cookie"]
	for i, line := range lines {
		if !strings.Contains(line, picloud.AdminCookie) {
			continue
		}
		var kept []string
		for part := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(part, "=")
			if strings.TrimSpace(name) != picloud.AdminCookie {
				kept = append(kept, strings.TrimSpace(part))
			}
		}
		lines[i] = strings.Join(kept, "; ")
	}
	if len(lines) == 1 && lines[0] == "" {
		delete(h, "Cookie")
	}
}

// errSlowBody is the cause when a body does not arrive in time: 408.
var errSlowBody = errors.New("the body took too long to arrive")

// firstRead is how much room a body is given before any of it has arrived.
const firstRead = 64 << 10

// body is a request's body in memory, accounted for.
type body struct {
	o    *Orchestrator
	data []byte
	held int64
}

// bytes is what was read. There is no body object for no body.
func (b *body) bytes() []byte {
	if b == nil {
		return nil
	}
	return b.data
}

// release gives the account back. The data stays with whoever has it.
func (b *body) release() {
	if b != nil && b.held > 0 {
		b.o.bodies.Add(-b.held)
		b.held = 0
	}
}

// grow gives the buffer room for more, if all bodies together allow it.
func (b *body) grow(size int64) error {
	more := size - b.held
	if b.o.bodies.Add(more) > b.o.cfg.BodyMemory {
		b.o.bodies.Add(-more)
		return &picloud.Error{Code: picloud.CodeOverloaded, Message: "the server is busy, try again", RetryAfter: time.Second}
	}
	b.held = size
	data := make([]byte, len(b.data), size)
	copy(data, b.data)
	b.data = data
	return nil
}

// read reads a whole body of at most limit bytes; length is what was
// announced, or -1.
func (b *body) read(r io.Reader, length, limit int64) error {
	if length > limit {
		return errBodyTooLarge(limit)
	}
	most := limit + 1 // one more tells that there is too much
	if length >= 0 {
		most = length
	}
	for {
		if len(b.data) == cap(b.data) {
			size := min(max(2*int64(cap(b.data)), firstRead), most)
			if size <= int64(cap(b.data)) {
				break // all that was announced is here
			}
			if err := b.grow(size); err != nil {
				return err
			}
		}
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if int64(len(b.data)) > limit {
			return errBodyTooLarge(limit)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return bodyError(err)
		}
	}
	if length >= 0 && int64(len(b.data)) < length {
		return bodyError(io.ErrUnexpectedEOF)
	}
	return nil
}

func errBodyTooLarge(limit int64) error {
	return picloud.Errorf(picloud.CodeTooLarge, "the body has more than %d bytes", limit)
}

func bodyError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &picloud.Error{Code: picloud.CodeTimeout, Message: errSlowBody.Error(), Err: errSlowBody}
	}
	return &picloud.Error{Code: picloud.CodeMalformed, Message: "the body cannot be read", Err: err}
}

// readBody reads the body of a request from the network; nil when there is
// none.
func (o *Orchestrator) readBody(w http.ResponseWriter, r *http.Request, limit int64) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	b := &body{o: o}
	if w != nil {
		// Without deadlines, as in tests, the body comes when it comes.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(o.cfg.BodyTime))
	}
	if err := b.read(r.Body, r.ContentLength, limit); err != nil {
		b.release()
		// The server takes a body that is late for a client that is gone.
		if r.Context().Err() != nil && !errors.Is(err, errSlowBody) {
			err = picloud.Errorf(picloud.CodeCanceled, "the client went away")
		}
		return nil, err
	}
	if w != nil {
		// The server reads on while the script runs, to notice when the client
		// goes away: that must not end with the body's time.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	return b, nil
}
