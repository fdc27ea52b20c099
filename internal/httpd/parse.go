package httpd

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// maxFields bounds the header fields of a request.
const maxFields = 128

// refusal is why a request is not served: a status and what the client is told.
type refusal struct {
	status int
	why    string
}

func (r *refusal) Error() string { return r.why }

func malformed(why string) *refusal { return &refusal{http.StatusBadRequest, why} }

var crlf2 = []byte("\r\n\r\n")

// headEnd finds the end of a head in data, of which the first from bytes were
// looked at before; 0 while it is not there. What can never become a head is
// refused without waiting for more.
func headEnd(data []byte, from int) (int, *refusal) {
	if len(data) > 0 && !tokenByte[data[0]] {
		return 0, malformed("a request begins with its method")
	}
	if i := bytes.Index(data[max(0, from-3):], crlf2); i >= 0 {
		return max(0, from-3) + i + len(crlf2), nil
	}
	for i := from; ; i++ {
		next := bytes.IndexByte(data[i:], '\n')
		if next < 0 {
			return 0, nil
		}
		if i += next; i == 0 || data[i-1] != '\r' {
			return 0, malformed("a line ends in LF alone")
		}
	}
}

// head is a request's head as it was read.
type head struct {
	method, target string
	minor          int // of HTTP/1
	host           string
	hosts          int
	length         int64 // of the body; -1 when it is chunked
	lengths        int
	chunked        bool
	codings        int
	expect         bool // the client waits for 100
	close, keep    bool // what Connection says
}

// parse reads a head: everything up to and with its empty line. Names of fields
// are brought into canonical form in place. The fields go into the header,
// their values into the slice, which is returned grown.
func (h *head) parse(raw []byte, header http.Header, values []string) ([]string, *refusal) {
	*h = head{}
	line := bytes.IndexByte(raw, '\r')
	fields, bad := canonicalise(raw, line)
	if bad != nil {
		return values, bad
	}
	if fields > maxFields {
		return values, &refusal{http.StatusRequestHeaderFieldsTooLarge, "there are too many header fields"}
	}
	if cap(values) < fields {
		values = make([]string, 0, max(16, fields))
	}
	values = values[:0]
	text := string(raw)
	if bad := h.requestLine(text[:line]); bad != nil {
		return values, bad
	}
	for rest := text[line+2:]; rest != "\r\n"; {
		end := strings.IndexByte(rest, '\r')
		colon := strings.IndexByte(rest, ':')
		name, value := rest[:colon], strings.Trim(rest[colon+1:end], " \t")
		rest = rest[end+2:]
		if bad := h.field(name, value); bad != nil {
			return values, bad
		}
		if name == "Host" {
			continue // where net/http has it too: in Request.Host
		}
		if have := header[name]; have != nil {
			header[name] = append(have, value)
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return values, h.whole()
}

// canonicalise checks every line of a head but the first, and brings the names
// of the fields into canonical form. It counts the fields.
func canonicalise(raw []byte, line int) (fields int, bad *refusal) {
	if line < 0 || raw[line+1] != '\n' {
		return 0, malformed("a line holds a CR")
	}
	at := line + 2
	for ; raw[at] != '\r'; fields++ {
		if at, bad = field(raw, at); bad != nil {
			return 0, bad
		}
	}
	if at != len(raw)-2 {
		return 0, malformed("a line holds a CR")
	}
	return fields, nil
}

// field checks the field line at a place, and returns where the next one is.
func field(raw []byte, at int) (next int, bad *refusal) {
	start, upper := at, true
	for ; tokenByte[raw[at]]; at++ {
		c := raw[at]
		if upper && 'a' <= c && c <= 'z' {
			raw[at] = c - 'a' + 'A'
		} else if !upper && 'A' <= c && c <= 'Z' {
			raw[at] = c - 'A' + 'a'
		}
		upper = c == '-'
	}
	if at == start || raw[at] != ':' {
		return 0, malformed("a header field is not a name, a colon and a value")
	}
	for at++; valueByte[raw[at]]; at++ {
	}
	// The head ends in CRLF, so there is a byte after any CR.
	if raw[at] != '\r' || raw[at+1] != '\n' {
		return 0, malformed("a header field holds a control character")
	}
	return at + 2, nil
}

// requestLine reads "GET /path HTTP/1.1".
func (h *head) requestLine(line string) *refusal {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || !isToken(method) || target == "" {
		return malformed("the request line is not a method, a target and a version")
	}
	switch version {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
	default:
		if strings.HasPrefix(version, "HTTP/") && strings.IndexByte(version, ' ') < 0 {
			return &refusal{http.StatusHTTPVersionNotSupported, "the version is not HTTP/1.0 or HTTP/1.1"}
		}
		return malformed("the request line is not a method, a target and a version")
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return malformed("the target holds a character that it cannot")
		}
	}
	h.method, h.target = method, target
	return nil
}

// field takes note of a field that says how the message travels.
func (h *head) field(name, value string) *refusal {
	switch name {
	case "Host":
		h.host = value
		h.hosts++
	case "Content-Length":
		return h.contentLength(value)
	case "Transfer-Encoding":
		h.codings++
		if !strings.EqualFold(value, "chunked") {
			return &refusal{http.StatusNotImplemented, "the transfer coding is not chunked"}
		}
		h.chunked, h.length = true, -1
	case "Connection":
		for part := range strings.SplitSeq(value, ",") {
			part = strings.Trim(part, " \t")
			h.close = h.close || strings.EqualFold(part, "close")
			h.keep = h.keep || strings.EqualFold(part, "keep-alive")
		}
	case "Expect":
		if !strings.EqualFold(value, "100-continue") {
			return &refusal{http.StatusExpectationFailed, "the expectation is not 100-continue"}
		}
		h.expect = true
	}
	return nil
}

// contentLength reads a length of digits that fits.
func (h *head) contentLength(value string) *refusal {
	h.lengths++
	if value == "" || len(value) > 18 {
		return malformed("the Content-Length is not a number")
	}
	var n int64
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			return malformed("the Content-Length is not a number")
		}
		n = 10*n + int64(value[i]-'0')
	}
	h.length = n
	return nil
}

// whole checks what the fields say together.
func (h *head) whole() *refusal {
	switch {
	case h.lengths > 1 || h.codings > 1 || h.lengths+h.codings > 1:
		return malformed("the length of the body is given more than once")
	case h.chunked && h.minor == 0:
		return malformed("HTTP/1.0 has no transfer codings")
	case h.hosts > 1 || h.hosts == 0 && h.minor == 1:
		return malformed("there is not exactly one Host")
	case !validHost(h.host):
		return malformed("the Host holds a character that it cannot")
	}
	if h.minor == 0 {
		h.expect = false // RFC 9110, 10.1.1: HTTP/1.0 clients cannot mean it
	}
	return nil
}

// persistent reports whether the client wants to go on after this request.
func (h *head) persistent() bool {
	return !h.close && (h.minor == 1 || h.keep)
}

// parseTarget makes the URL of a request line's target, as net/http makes it.
func parseTarget(method, target string, u *url.URL) *refusal {
	if target[0] == '/' && method != http.MethodConnect {
		path, query, asked := strings.Cut(target, "?")
		if plainPath(path) {
			*u = url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
			return nil
		}
	}
	switch {
	case method == http.MethodConnect:
		if target[0] == '/' || !validHost(target) {
			return malformed("the target is not a host")
		}
		*u = url.URL{Host: target}
		return nil
	case target == "*" && method != http.MethodOptions:
		return malformed("the target is not a path")
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil || target[0] != '/' && target != "*" && !absolute(parsed) {
		return malformed("the target is not a path")
	}
	*u = *parsed
	return nil
}

// absolute reports whether a target in absolute form is one for us.
func absolute(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Opaque == "" && u.User == nil && validHost(u.Host)
}

// plainPath reports whether a path means itself: url.Parse would neither decode
// anything in it nor remember how it was written.
func plainPath(path string) bool {
	for i := range len(path) {
		if !pathByte[path[i]] {
			return false
		}
	}
	return true
}

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

func validHost(s string) bool {
	for i := range len(s) {
		if !hostByte[s[i]] {
			return false
		}
	}
	return true
}

// byteSet tells which bytes belong to something. The sets below are constants.
type byteSet [256]bool

const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

var (
	tokenByte = setOf(alnum + "!#$%&'*+-.^_`|~")              // RFC 9110, 5.6.2
	hostByte  = setOf(alnum + "!$%&'()*+,-.:;=[]_~")          // RFC 3986, 3.2.2, with a port
	pathByte  = setOf(alnum + "-_.~$&+,/:;=@")                // what net/url leaves as it is
	valueByte = setOf(visible() + " \t" + string(obsolete())) // RFC 9110, 5.5
)

func setOf(members string) (s byteSet) {
	for i := range len(members) {
		s[members[i]] = true
	}
	return s
}

// visible is what ASCII prints.
func visible() string {
	var b []byte
	for c := byte('!'); c <= '~'; c++ {
		b = append(b, c)
	}
	return string(b)
}

// obsolete is obs-text: the bytes above ASCII.
func obsolete() []byte {
	var b []byte
	for c := 0x80; c <= 0xff; c++ {
		b = append(b, byte(c))
	}
	return b
}
