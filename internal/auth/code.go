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

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	totpPeriod = 30 * time.Second
	// totpSkew is how many steps a phone's clock may be off, either way.
	totpSkew  = 1
	totpBytes = 20 // as RFC 4226 recommends; what apps are tested with

	recoveryCodes = 10
	recoveryBytes = 10 // 80 bits: a plain hash cannot be searched
)

var errWrongCode = picloud.Errorf(picloud.CodeInvalidCredentials, "the code is wrong or was used already")

// checkCode spends a code of the user's: of the authenticator app when it
// looks like one, else a recovery code. It fails with errWrongCode.
func (s *Service) checkCode(ctx context.Context, userID, code string) error {
	code = strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' {
			return -1
		}
		return c
	}, printable(code, 64))
	var err error
	if len(code) == otp.DigitsSix.Length() {
		err = s.useTOTP(ctx, userID, code)
	} else {
		err = s.store.UseRecoveryCode(ctx, userID, recoveryHash(userID, code))
	}
	if picloud.IsCode(err, picloud.CodeInvalidCredentials) || picloud.IsCode(err, picloud.CodeNotFound) {
		return errWrongCode
	}
	return err
}

func (s *Service) useTOTP(ctx context.Context, userID, code string) error {
	t, err := s.store.TOTPOf(ctx, userID)
	if err != nil {
		return err
	}
	step, err := s.matchTOTP(t, code)
	if err != nil {
		return err
	}
	return s.store.UseTOTP(ctx, userID, step) // refuses a spent step, and an app that is not confirmed
}

// matchTOTP is the step whose code this is.
func (s *Service) matchTOTP(t picloud.TOTP, code string) (step int64, err error) {
	if s.keys == nil {
		return 0, errNoKeys
	}
	secret, err := s.keys.Open(t.Secret, totpPlace(t.UserID))
	if err != nil {
		return 0, fmt.Errorf("open the secret of an authenticator app: %w", err)
	}
	now := s.now().Unix() / int64(totpPeriod/time.Second)
	found := int64(0)
	for n := now - totpSkew; n <= now+totpSkew; n++ { // all of them, so that the time tells nothing
		want, err := hotp.GenerateCodeCustom(encodeSecret(secret), uint64(n), hotp.ValidateOpts{Digits: otp.DigitsSix})
		if err != nil {
			return 0, fmt.Errorf("make a code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = n
		}
	}
	if found == 0 {
		return 0, errWrongCode
	}
	return found, nil
}

var errNoKeys = picloud.Errorf(picloud.CodeUnavailable, "this server has no key to seal secrets with: its operator names one in PICLOUD_MASTER_KEY_FILE")

// totpPlace is what a sealed secret is bound to.
func totpPlace(userID string) string { return "totp/secret/" + userID }

var base32Plain = base32.StdEncoding.WithPadding(base32.NoPadding)

func encodeSecret(secret []byte) string { return base32Plain.EncodeToString(secret) }

// newRecoveryCodes makes codes and the hashes under which they are kept.
func (s *Service) newRecoveryCodes(userID string) (codes []string, hashes []picloud.TokenHash, err error) {
	for range recoveryCodes {
		var b [recoveryBytes]byte
		if _, err := io.ReadFull(s.rand, b[:]); err != nil {
			return nil, nil, fmt.Errorf("make recovery codes: %w", err)
		}
		code := strings.ToLower(base32Plain.EncodeToString(b[:]))
		hashes = append(hashes, recoveryHash(userID, code))
		codes = append(codes, code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:])
	}
	return codes, hashes, nil
}

// recoveryHash is a code as it is kept. The user is in it, so that equal codes
// of two users do not look alike.
func recoveryHash(userID, code string) picloud.TokenHash {
	return sha256.Sum256([]byte("recovery\x00" + userID + "\x00" + strings.ToLower(code)))
}
