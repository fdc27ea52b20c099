package picloud

import (
	"net/http"
	"strings"
)

// Bounds of what a script may put into a response's header.
const (
	MaxHeaderFields = 200
	MaxHeaderBytes  = 64 << 10 // names and values together
)

// hostHeaders are those which say how a response travels, or that PiCloud sets.
var hostHeaders = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Content-Length": true, "Date": true,
	"X-Request-Id": true, "Picloud-Error": true, "Traceparent": true,
}

// RefuseHeader says why a script cannot send a header, or "".
func RefuseHeader(name, value string) string {
	if !IsToken(name) {
		return "the name is not one that a header can have"
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return "the value holds a control character"
		}
	}
	canonical := http.CanonicalHeaderKey(name)
	if hostHeaders[canonical] {
		return "PiCloud sets it"
	}
	if canonical == "Set-Cookie" {
		if cookie, _, _ := strings.Cut(value, "="); strings.TrimSpace(cookie) == AdminCookie {
			return "the cookie is PiCloud's own"
		}
	}
	return ""
}

// IsToken reports whether s is a token (RFC 9110): what names of headers and
// cookies are.
func IsToken(s string) bool {
	const punctuation = "!#$%&'*+-.^_`|~"
	for _, c := range []byte(s) {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && strings.IndexByte(punctuation, c) < 0 {
			return false
		}
	}
	return s != ""
}
