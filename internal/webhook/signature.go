package webhook

import (
	"crypto/hmac"
	"crypto/sha1" // an HMAC with it is sound, and old senders have nothing else
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// maxSignatures is how many signatures of one request are looked at: senders
// sign with a few secrets at once.
const maxSignatures = 16

// Signature is what a request says it is signed with.
type Signature struct {
	spec     picloud.Webhook
	sums     [][]byte  // the signatures, of which one is to be right
	before   []byte    // what is signed before the body
	signedAt time.Time // zero: the sender signs no time
	id       string    // what tells the delivery from others; "" for nothing
}

// Read reads the signature out of a request's header. What is missing, is there
// twice, or cannot be read is CodeWebhookSignature.
func Read(spec picloud.Webhook, h http.Header) (*Signature, error) {
	s := &Signature{spec: spec}
	var err error
	switch spec.Kind {
	case picloud.WebhookStandard:
		err = s.readStandard(h)
	case picloud.WebhookGitHub:
		err = s.readGitHub(h)
	case picloud.WebhookStripe:
		err = s.readStripe(h)
	case picloud.WebhookSlack:
		err = s.readSlack(h)
	case picloud.WebhookHMAC:
		err = s.readHMAC(h)
	default:
		err = errors.New("there is no such signature")
	}
	if err != nil {
		return nil, &picloud.Error{Code: picloud.CodeWebhookSignature, Message: err.Error()}
	}
	return s, nil
}

// ID is what tells the delivery from others that are signed in the same way,
// after [Signature.Check]: what the sender calls it, or where it signs a time
// and no name, a hash of what is signed. It is not the signature itself, of
// which there may be several for the same. "" is for a sender that does neither.
func (s *Signature) ID() string { return s.id }

// Check checks the signature of a body with secrets that a sender may have
// signed with, and then whether it was made within the tolerance of now:
// CodeWebhookSignature, CodeWebhookStale. A secret that cannot be one of this
// kind is CodeInternal: the app's people have to mend it.
func (s *Signature) Check(secrets [][]byte, body []byte, now time.Time) error {
	good := false
	for _, secret := range secrets {
		key, err := s.key(secret)
		if err != nil {
			return err
		}
		sum := s.sum(key, body)
		for _, given := range s.sums {
			good = hmac.Equal(sum, given) || good
		}
	}
	if !good {
		return picloud.Errorf(picloud.CodeWebhookSignature, "the signature is wrong")
	}
	if s.id == "" && !s.signedAt.IsZero() {
		s.id = s.hash(body)
	}
	// Only who knows the secret is told of the time.
	if off := now.Sub(s.signedAt).Abs(); !s.signedAt.IsZero() && off > s.spec.Within() {
		return picloud.Errorf(picloud.CodeWebhookStale, "it was signed for a time that is %s from ours, and may be %s", off.Round(time.Second), s.spec.Within())
	}
	return nil
}

// key is what is signed with.
func (s *Signature) key(secret []byte) ([]byte, error) {
	if s.spec.Kind != picloud.WebhookStandard {
		return secret, nil
	}
	text := strings.TrimPrefix(strings.TrimSpace(string(secret)), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) == 0 {
		return nil, picloud.Errorf(picloud.CodeInternal, "the secret is not one of Standard Webhooks: whsec_ and base64")
	}
	return key, nil
}

// sum is the right signature.
func (s *Signature) sum(key, body []byte) []byte {
	mac := hmac.New(s.algorithm(), key)
	mac.Write(s.before)
	mac.Write(body)
	return mac.Sum(nil)
}

// hash names what is signed.
func (s *Signature) hash(body []byte) string {
	h := sha256.New()
	h.Write(s.before)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func (s *Signature) algorithm() func() hash.Hash {
	switch s.spec.Algorithm {
	case "sha1":
		return sha1.New
	case "sha512":
		return sha512.New
	}
	return sha256.New
}
