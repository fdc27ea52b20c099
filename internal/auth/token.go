package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/picloud/picloud/internal/picloud"
)

// What tokens begin with, so that people and secret scanners know them.
const (
	sessionPrefix   = "pics_"
	setupPrefix     = "picu_"
	challengePrefix = "picc_"
	devicePrefix    = "picd_"
)

const tokenBytes = 32

// newToken makes a secret token and the hash under which it is kept. A plain
// SHA-256 is enough: 256 random bits cannot be guessed however fast one hashes.
func newToken(rand io.Reader, prefix string) (string, picloud.TokenHash, error) {
	var b [tokenBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", picloud.TokenHash{}, fmt.Errorf("make a token: %w", err)
	}
	token := prefix + base64.RawURLEncoding.EncodeToString(b[:])
	return token, sha256.Sum256([]byte(token)), nil
}

// NewDeviceSecret makes the secret of a device, and the hash under which it is
// kept: that of the whole secret, prefix and all.
func (s *Service) NewDeviceSecret() (string, picloud.TokenHash, error) {
	return newToken(s.rand, devicePrefix)
}

var errNoToken = errors.New("not a token")

// hashToken is the hash of what looks like a token of this kind. Anything else
// is refused before it reaches the store.
func hashToken(token, prefix string) (picloud.TokenHash, error) {
	rest, ok := strings.CutPrefix(token, prefix)
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return picloud.TokenHash{}, errNoToken
	}
	return sha256.Sum256([]byte(token)), nil
}

// printable is s as something that can be stored and shown: valid, without
// control characters, at most limit bytes.
func printable(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
}
