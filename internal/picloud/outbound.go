package picloud

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What calls to the outside may be.
const (
	MaxCallBytes       = 8 << 20 // of a body that is sent
	MaxCallURL         = 8 << 10
	MaxCallHeaderBytes = 32 << 10
	MaxCallFields      = 100 // of a header
	MaxPieces          = 256 // of one text
	MaxRetries         = 5
	MaxRetryBackoff    = 10 * time.Second
)

// Piece is a part of a text that is put together where the app's secrets are
// known: text, or the value of a secret.
type Piece struct {
	Text   string
	Secret string // the secret's name; "" for none
	As     Encoding
}

// Encoding is how the value of a secret is written.
type Encoding string

// The encodings.
const (
	AsIs    Encoding = ""
	AsQuery Encoding = "query" // percent-encoded, as in a query or a form
	AsJSON  Encoding = "json"  // as a JSON string, with its quotes
	AsBasic Encoding = "basic" // base64 of Text, ":" and the value
)

// Valid reports whether e is one of the encodings.
func (e Encoding) Valid() bool {
	return e == AsIs || e == AsQuery || e == AsJSON || e == AsBasic
}

// Pieces are a text in parts. The zero value is the empty text.
type Pieces []Piece

// Plain is a text without secrets.
func Plain(text string) Pieces {
	if text == "" {
		return nil
	}
	return Pieces{{Text: text}}
}

// Secret reports whether there is a secret in it.
func (p Pieces) Secret() bool {
	for i := range p {
		if p[i].Secret != "" {
			return true
		}
	}
	return false
}

// Size is how many bytes of text there are, without secrets.
func (p Pieces) Size() int {
	n := 0
	for i := range p {
		n += len(p[i].Text)
	}
	return n
}

// Join puts a text together. value gives the values of secrets.
func (p Pieces) Join(value func(name string) (string, error)) (string, error) {
	if len(p) == 1 && p[0].Secret == "" {
		return p[0].Text, nil
	}
	var b strings.Builder
	for _, piece := range p {
		if piece.Secret == "" {
			b.WriteString(piece.Text)
			continue
		}
		v, err := value(piece.Secret)
		if err != nil {
			return "", err
		}
		b.WriteString(piece.Write(v))
	}
	return b.String(), nil
}

// Write is a secret with this value in the piece's encoding.
func (p Piece) Write(value string) string {
	switch p.As {
	case AsQuery:
		return url.QueryEscape(value)
	case AsJSON:
		quoted, _ := json.Marshal(value) // a string always has a form
		return string(quoted)
	case AsBasic:
		return base64.StdEncoding.EncodeToString([]byte(p.Text + ":" + value))
	}
	return value
}

// Visible is the text with what stands for secrets in their place.
func (p Pieces) Visible() string {
	var b strings.Builder
	for _, piece := range p {
		if piece.Secret != "" {
			b.WriteString(SecretMark(piece.Secret))
		} else {
			b.WriteString(piece.Text)
		}
	}
	return b.String()
}

// SecretMark stands for a secret wherever it would be seen.
func SecretMark(name string) string { return "secret(" + name + ")" }

// validate refuses what no script can have made.
func (p Pieces) validate(field string) error {
	if len(p) > MaxPieces {
		return Invalid(field, "there are %d parts, at most %d are allowed", len(p), MaxPieces)
	}
	for _, piece := range p {
		if piece.Secret == "" && piece.As != AsIs || !piece.As.Valid() {
			return Invalid(field, "a part is written in an unknown way")
		}
		if piece.Secret == "" {
			continue
		}
		if err := ValidateSecretName(piece.Secret); err != nil {
			return err
		}
	}
	return nil
}

// Field is a line of a header that is sent.
type Field struct {
	Name  string
	Value Pieces
}

// HTTPCall is an HTTP request that a script wants to be made.
type HTTPCall struct {
	Method string
	URL    Pieces
	Header []Field
	Body   Pieces
	// Timeout is how long the whole call may take, with its retries; 0 means as
	// long as the limits allow.
	Timeout time.Duration
	Follow  bool // redirects
	Retry   Retry
}

// Retry says when a call is made again.
type Retry struct {
	Max     int           // how often, after the first time; 0 for never
	Backoff time.Duration // before the first; each later one waits twice as long; 0 for a default
	// Unsafe has calls made again that may then happen twice: those with other
	// methods than GET, HEAD, OPTIONS, PUT and DELETE.
	Unsafe bool
}

// HTTPAnswer is what a call was answered.
type HTTPAnswer struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // where it was found in the end, with what stands for secrets
}

// callMethods are those of calls.
var callMethods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true,
	http.MethodDelete: true, http.MethodOptions: true,
}

// reservedFields are headers of a request that are the platform's business.
var reservedFields = map[string]bool{
	"Host": true, "Connection": true, "Content-Length": true, "Transfer-Encoding": true, "Te": true, "Trailer": true,
	"Upgrade": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authorization": true, "Expect": true,
}

// Validate refuses a call that cannot be made whoever is asked.
func (c *HTTPCall) Validate() error {
	if !callMethods[c.Method] {
		return Invalid("method", "%q is not a method: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS", clip(c.Method))
	}
	if err := c.URL.validate("url"); err != nil {
		return err
	}
	if n := c.URL.Size(); n > MaxCallURL {
		return Invalid("url", "the URL has %d bytes, at most %d are allowed", n, MaxCallURL)
	}
	if err := ValidateFields(c.Header); err != nil {
		return err
	}
	if n := c.Body.Size(); n > MaxCallBytes {
		return Invalid("body", "the body has %d bytes, at most %d are allowed", n, MaxCallBytes)
	}
	switch {
	case c.Timeout < 0:
		return Invalid("timeout", "the timeout is negative")
	case c.Retry.Max < 0 || c.Retry.Max > MaxRetries:
		return Invalid("retry", "a call is made again at most %d times", MaxRetries)
	case c.Retry.Backoff < 0 || c.Retry.Backoff > MaxRetryBackoff:
		return Invalid("retry", "the first wait is at most %d seconds", int(MaxRetryBackoff.Seconds()))
	}
	return c.Body.validate("body")
}

// ValidateFields refuses a header that cannot be sent.
func ValidateFields(list []Field) error {
	if len(list) > MaxCallFields {
		return Invalid("headers", "there are %d headers, at most %d are allowed", len(list), MaxCallFields)
	}
	size := 0
	for _, f := range list {
		if size += len(f.Name) + f.Value.Size(); size > MaxCallHeaderBytes {
			return Invalid("headers", "the headers have more than %d bytes", MaxCallHeaderBytes)
		}
		if !validFieldName(f.Name) {
			return Invalid("headers", "%q is not the name of a header", clip(f.Name))
		}
		if reservedFields[http.CanonicalHeaderKey(f.Name)] {
			return Invalid("headers", "the header %s is not a script's to set", http.CanonicalHeaderKey(f.Name))
		}
		if err := f.Value.validate("headers"); err != nil {
			return err
		}
		for _, piece := range f.Value {
			if !ValidFieldValue(piece.Text) {
				return Invalid("headers", "the value of the header %s holds a control character", f.Name)
			}
		}
	}
	return nil
}

// validFieldName reports whether a text is a token of RFC 9110.
func validFieldName(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return true
}

// ValidFieldValue reports whether a text can be in the value of a header.
func ValidFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
