package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxID is how long the name of a delivery may be.
const maxID = 256

// readStandard reads Standard Webhooks: "{id}.{timestamp}.{body}" is signed, and
// the signatures are a list of "v1,{base64}" with spaces. Many senders still
// call the headers Svix-….
func (s *Signature) readStandard(h http.Header) error {
	from := "webhook-"
	if len(h["Webhook-Signature"]) == 0 && len(h["Svix-Signature"]) > 0 {
		from = "svix-"
	}
	list, err := only(h, from+"signature")
	if err != nil {
		return err
	}
	if s.id, err = only(h, from+"id"); err != nil {
		return err
	}
	if len(s.id) > maxID {
		return errors.New(from + "id is too long")
	}
	at, err := only(h, from+"timestamp")
	if err != nil {
		return err
	}
	if err := s.signed(at, from+"timestamp"); err != nil {
		return err
	}
	for word := range strings.FieldsSeq(list) {
		if text, ok := strings.CutPrefix(word, "v1,"); ok {
			s.addBase64(text)
		}
	}
	s.before = []byte(s.id + "." + at + ".")
	return s.some(from + "signature")
}

// readGitHub reads X-Hub-Signature-256: "sha256={hex}" of the body. GitHub does
// not sign the name of a delivery.
func (s *Signature) readGitHub(h http.Header) error {
	const header = "x-hub-signature-256"
	text, err := only(h, header)
	if err != nil {
		return err
	}
	if text, ok := strings.CutPrefix(text, "sha256="); ok {
		s.addHex(text)
	}
	s.id = name(h, "x-github-delivery")
	return s.some(header)
}

// readStripe reads Stripe-Signature: "t={time},v1={hex}" with more v1 while a
// secret is replaced; "{time}.{body}" is signed. A delivery that Stripe sends
// again is signed anew, so that what is signed names it.
func (s *Signature) readStripe(h http.Header) error {
	const header = "stripe-signature"
	text, err := only(h, header)
	if err != nil {
		return err
	}
	at := ""
	for part := range strings.SplitSeq(text, ",") {
		switch key, value, _ := strings.Cut(strings.TrimSpace(part), "="); key {
		case "t":
			if at != "" {
				return errors.New(header + " has two times")
			}
			at = value
		case "v1":
			s.addHex(value)
		}
	}
	if err := s.signed(at, header); err != nil {
		return err
	}
	s.before = []byte(at + ".")
	return s.some(header)
}

// readSlack reads X-Slack-Signature: "v0={hex}" of "v0:{time}:{body}", with the
// time in X-Slack-Request-Timestamp.
func (s *Signature) readSlack(h http.Header) error {
	const header = "x-slack-signature"
	text, err := only(h, header)
	if err != nil {
		return err
	}
	at, err := only(h, "x-slack-request-timestamp")
	if err != nil {
		return err
	}
	if err := s.signed(at, "x-slack-request-timestamp"); err != nil {
		return err
	}
	if text, ok := strings.CutPrefix(text, "v0="); ok {
		s.addHex(text)
	}
	s.before = []byte("v0:" + at + ":")
	return s.some(header)
}

// readHMAC reads a signature of the body as the route describes it.
func (s *Signature) readHMAC(h http.Header) error {
	text, err := only(h, s.spec.Header)
	if err != nil {
		return err
	}
	if text, ok := strings.CutPrefix(text, s.spec.Prefix); ok {
		if s.spec.Encoding == "base64" {
			s.addBase64(text)
		} else {
			s.addHex(text)
		}
	}
	if s.spec.ID != "" {
		if s.id, err = only(h, s.spec.ID); err != nil {
			return err
		}
	}
	return s.some(s.spec.Header)
}

// only is the value of a header that is there once.
func only(h http.Header, header string) (string, error) {
	switch values := h[http.CanonicalHeaderKey(header)]; {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", fmt.Errorf("the header %s is missing", header)
	case len(values) > 1:
		return "", fmt.Errorf("the header %s is there twice", header)
	default:
		return values[0], nil
	}
}

// name is the value of a header that names a delivery, if it does.
func name(h http.Header, header string) string {
	id, err := only(h, header)
	if err != nil || len(id) > maxID {
		return ""
	}
	return id
}

// signed reads the time of a signature: seconds since 1970, as digits only.
func (s *Signature) signed(text, where string) error {
	const digits = 12 // until the year 33658
	if text == "" || len(text) > digits || strings.Trim(text, "0123456789") != "" {
		return errors.New("there is no time in the header " + where)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New("there is no time in the header " + where)
	}
	s.signedAt = time.Unix(n, 0)
	return nil
}

func (s *Signature) addHex(text string) {
	sum, err := hex.DecodeString(text)
	s.add(sum, err)
}

func (s *Signature) addBase64(text string) {
	sum, err := base64.StdEncoding.DecodeString(text)
	s.add(sum, err)
}

// add takes a signature that is one; another may be right.
func (s *Signature) add(sum []byte, err error) {
	if err == nil && len(sum) > 0 && len(s.sums) < maxSignatures {
		s.sums = append(s.sums, sum)
	}
}

// some refuses a header in which there is no signature.
func (s *Signature) some(header string) error {
	if len(s.sums) == 0 {
		return fmt.Errorf("there is no signature in the header %s", header)
	}
	return nil
}
