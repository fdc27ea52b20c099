package domains

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"io"
	"strings"
)

// Where proofs are looked for.
const (
	Label    = "_picloud-challenge"              // the TXT record's label before the domain
	HTTPPath = "/.well-known/picloud-challenge/" // the challenge follows
)

// encoding is safe in a path, in DNS and in a form that somebody fills in by
// hand.
var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewChallenge is a fresh secret of 160 bits.
func NewChallenge(random io.Reader) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, 20)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", err
	}
	return strings.ToLower(encoding.EncodeToString(secret)), nil
}

// Proof is what has to be found to prove a domain.
func Proof(name, challenge string) string {
	sum := sha256.Sum256([]byte("picloud domain\x00" + name + "\x00" + challenge))
	return strings.ToLower(encoding.EncodeToString(sum[:]))
}

// RecordName is the name of the TXT record that proves a domain.
func RecordName(name string) string { return Label + "." + name }

// URL is the address at which a domain's proof is fetched.
func URL(name, challenge string) string { return "http://" + name + HTTPPath + challenge }
