package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// A key is pic_<prefix>_<secret>. The prefix finds it and may be shown; the
// secret has 200 random bits, so that its plain SHA-256 gives nothing away.
const (
	keyMark        = "pic_"
	keyPrefixBytes = 5
	keySecretBytes = 25
)

// keyLetters writes bits as lower-case letters and digits, which survive being
// read aloud, double-clicked and put into a URL.
var keyLetters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newKey makes a key and what is kept of it.
func newKey(rand io.Reader) (token, prefix string, secret picloud.TokenHash, err error) {
	var b [keyPrefixBytes + keySecretBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", "", secret, fmt.Errorf("make a key: %w", err)
	}
	prefix = keyLetters.EncodeToString(b[:keyPrefixBytes])
	text := keyLetters.EncodeToString(b[keyPrefixBytes:])
	return keyMark + prefix + "_" + text, prefix, sha256.Sum256([]byte(text)), nil
}

// splitKey takes a key apart. What does not look like one is refused before it
// reaches the store.
func splitKey(token string) (prefix string, secret picloud.TokenHash, ok bool) {
	rest, marked := strings.CutPrefix(token, keyMark)
	prefix, text, cut := strings.Cut(rest, "_")
	if !marked || !cut || len(prefix) != keyLetters.EncodedLen(keyPrefixBytes) || len(text) != keyLetters.EncodedLen(keySecretBytes) {
		return "", secret, false
	}
	for _, part := range []string{prefix, text} {
		if strings.Trim(part, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			return "", secret, false
		}
	}
	return prefix, sha256.Sum256([]byte(text)), true
}

// errBadKey is the one answer to every key that is not good, whatever is wrong
// with it.
func errBadKey() error {
	return picloud.Errorf(picloud.CodeUnauthenticated, "the API key is not valid, or not any more")
}

// authenticateKey tells for whom a key acts, and counts as a use of it.
func (s *Service) authenticateKey(ctx context.Context, token string) (picloud.Principal, error) {
	prefix, secret, ok := splitKey(token)
	if !ok {
		return picloud.Principal{}, errBadKey()
	}
	now := s.now()
	c, err := s.store.KeyByPrefix(ctx, prefix, now)
	if err != nil {
		return picloud.Principal{}, err
	}
	if subtle.ConstantTimeCompare(secret[:], c.SecretHash[:]) == 0 {
		return picloud.Principal{}, errBadKey()
	}
	p := picloud.Principal{Kind: picloud.PrincipalKey, User: c.User, Key: c.Key, Until: c.Key.ExpiresAt}
	if now.Sub(c.Key.LastUsedAt) >= picloud.TouchKeyEvery {
		s.Touch(ctx, p)
	}
	return p, nil
}

// Touch writes down that a key was used, for who authenticates it once and lets
// it act many times: once a minute is enough. That it cannot be written is no
// reason to send somebody away.
func (s *Service) Touch(ctx context.Context, p picloud.Principal) {
	if p.Kind != picloud.PrincipalKey {
		return
	}
	if err := s.store.TouchKey(ctx, p.Key.ID, s.now()); err != nil {
		s.log.WarnContext(ctx, "use of a key not noted", "key", p.Key.ID, "err", err)
	}
}

// NewKey is a key that somebody asks for.
type NewKey struct {
	Name   string
	Scopes []picloud.Scope
	App    string        // for this app alone, by name; "" for all that the user reaches
	Life   time.Duration // 0 means picloud.DefaultKeyLife
}

// CreateKey makes a key of the principal. The token is its only copy.
func (s *Service) CreateKey(ctx context.Context, p picloud.Principal, in NewKey) (token string, k picloud.APIKey, err error) {
	if in.Life == 0 {
		in.Life = picloud.DefaultKeyLife
	}
	if err := picloud.ValidateKeyName(in.Name); err != nil {
		return "", k, err
	}
	if err := picloud.ValidateScopes(in.Scopes); err != nil {
		return "", k, err
	}
	if in.Life < 0 || in.Life > picloud.MaxKeyLife {
		return "", k, picloud.Invalid("expires_in_days", "a key lives for at most %d days", int(picloud.MaxKeyLife.Hours()/24))
	}
	token, prefix, secret, err := newKey(s.rand)
	if err != nil {
		return "", k, err
	}
	k, err = s.store.CreateKey(ctx, picloud.APIKey{
		UserID: p.User.ID, Name: in.Name, Prefix: prefix, Scopes: in.Scopes, App: in.App, ExpiresAt: s.now().Add(in.Life),
	}, secret)
	if err != nil {
		return "", k, err
	}
	return token, k, nil
}

// keepExpired is how long a key that has expired is still listed.
const keepExpired = 30 * 24 * time.Hour

// SweepKeys drops keys that expired long ago. Nothing depends on when it is
// called.
func (s *Service) SweepKeys(ctx context.Context) (dropped int64, err error) {
	return s.store.DeleteExpiredKeys(ctx, s.now().Add(-keepExpired))
}
