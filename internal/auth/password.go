package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/picloud/picloud/internal/picloud"
)

// The rules for passwords. Length is what counts; no mixture of characters is asked for.
const (
	MinPasswordChars = 10
	MaxPasswordBytes = 256
	minDistinctChars = 5
)

// wellKnown are passwords long enough to pass that head every guesser's list.
var wellKnown = []string{
	"1234567890", "0123456789", "12345678910", "123456789a", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx3edc", "abcdefghij",
	"administrator", "changeme123", "iloveyou123", "letmein123", "password123", "password1234", "password12345",
	"passw0rd123", "picloud123", "qwerty12345", "qwerty123456", "qwertyuiop", "qwertzuiop", "raspberry123", "raspberrypi",
	"welcome123", "asdfghjkl1", "correcthorsebatterystaple",
}

// ValidatePassword refuses a password that is short, well known, or made from
// who it is for. The error's field is "password".
func ValidatePassword(password, username, email string) error {
	const field = "password"
	lower := strings.ToLower(password)
	local, _, _ := strings.Cut(email, "@")
	switch {
	case !utf8.ValidString(password):
		return picloud.Invalid(field, "the password is not valid UTF-8")
	case utf8.RuneCountInString(password) < MinPasswordChars:
		return picloud.Invalid(field, "the password has fewer than %d characters", MinPasswordChars)
	case len(password) > MaxPasswordBytes:
		return picloud.Invalid(field, "the password has more than %d bytes", MaxPasswordBytes)
	case distinct(password) < minDistinctChars:
		return picloud.Invalid(field, "the password has fewer than %d different characters", minDistinctChars)
	case slices.Contains(wellKnown, lower):
		return picloud.Invalid(field, "the password is one of those that are tried first")
	case mostly(lower, username), mostly(lower, email), mostly(lower, local):
		return picloud.Invalid(field, "the password is made from the user name or the e-mail address")
	}
	return nil
}

// mostly reports whether less than five characters of the password are left
// when the name is taken out.
func mostly(password, name string) bool {
	return len(name) >= 3 && strings.Contains(password, name) &&
		utf8.RuneCountInString(strings.ReplaceAll(password, name, "")) < 5
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, c := range s {
		seen[c] = true
	}
	return len(seen)
}

const (
	hashesAtOnce   = 2  // each takes 19 MiB and a core
	hashesWaiting  = 64 // some seconds' worth
	overloadedWait = 5 * time.Second
)

// argonParams follows OWASP's advice for Argon2id on small machines.
var argonParams = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// unknownHash is checked in place of the hash of a user who does not exist. It
// has the parameters of a real one, and no password is known for it.
const unknownHash = "$argon2id$v=19$m=19456,t=2,p=1$cGljbG91ZCB1bmtub3duIQ$q3Jd0Tz7mC1mQ0v0b8m3tq2y5l0VbVw9b0k7cXhQm2E"

// hasher computes Argon2id, a few at a time.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	checked atomic.Int64 // passwords since the start
}

func newHasher() *hasher {
	return &hasher{slots: make(chan struct{}, hashesAtOnce)}
}

// acquire waits for a slot. It fails with CodeOverloaded rather than queue
// without bound.
func (h *hasher) acquire(ctx context.Context) (release func(), err error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > hashesWaiting {
		return nil, &picloud.Error{Code: picloud.CodeOverloaded, Message: "too many people are signing in at once; try again soon", RetryAfter: overloadedWait}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash is the encoded hash of a password under a fresh salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	encoded, err := argon2id.CreateHash(password, &argonParams)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return encoded, nil
}

// check reports whether a password has this hash. It always does the work of
// the hash, also for a password that is too long to be right.
func (h *hasher) check(ctx context.Context, password, encoded string) (bool, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	h.checked.Add(1)
	tooLong := len(password) > MaxPasswordBytes
	if tooLong {
		password = password[:MaxPasswordBytes]
	}
	match, err := argon2id.ComparePasswordAndHash(password, encoded)
	if err != nil {
		return false, fmt.Errorf("check a password: %w", err)
	}
	return match && !tooLong, nil
}
