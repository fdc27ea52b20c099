package hostapi

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/picloud/picloud/rhai"
)

// digests are the hash functions by name. MD5 and SHA-1 are there because
// other systems ask for them, not because they are safe.
func digests() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha1": sha1.New, "md5": md5.New}
}

// hashModule is hash::sha256, sha512, sha1 and md5: of a string or blob, in
// hexadecimal.
func hashModule() *rhai.Module {
	m := rhai.NewModule("hash")
	for name, digest := range digests() {
		m.Func(name, params(textOrBlob()), func(c *rhai.Call) error {
			if err := digestWork(c, 0); err != nil {
				return err
			}
			h := digest()
			h.Write(data(c, 0))
			return returnText(c, hex.EncodeToString(h.Sum(nil)))
		}, "the digest in hexadecimal")
	}
	return m
}

// digestWork bills hashing argument i, which takes longer than copying.
func digestWork(c *rhai.Call, i int) error {
	n := size(c, i)
	if err := c.Charge(20 + n/4); err != nil {
		return err
	}
	return c.Room(n)
}

// hmacModule is hmac::sha256, sha512 and sha1 of a key and a message, in
// hexadecimal; verify, which compares a signature in the same time whatever
// differs; and equal, which does so for any two texts.
func hmacModule() *rhai.Module {
	m := rhai.NewModule("hmac")
	known := digests()
	delete(known, "md5")
	for name, digest := range known {
		m.Func(name, params(textOrBlob(), textOrBlob()), func(c *rhai.Call) error {
			sum, err := sign(c, digest, 0, 1)
			if err != nil {
				return err
			}
			return returnText(c, hex.EncodeToString(sum))
		}, "the signature of a message with a key, in hexadecimal")
	}
	m.Func("verify", params(rhai.StringType, textOrBlob(), textOrBlob(), rhai.StringType), func(c *rhai.Call) error {
		digest, ok := known[text(c, 0)]
		if !ok {
			return c.Fail("hmac::verify knows no %q (%s)", clip(text(c, 0)), strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		sum, err := sign(c, digest, 1, 2)
		if err != nil {
			return err
		}
		// GitHub and others put the name of the algorithm before it.
		given, err := hex.DecodeString(strings.TrimPrefix(text(c, 3), text(c, 0)+"="))
		return c.Return(rhai.Bool(err == nil && hmac.Equal(sum, given)))
	}, "whether a signature in hexadecimal is right: verify(algorithm, key, message, signature)")
	addSecretHMAC(m)
	m.Func("equal", params(textOrBlob(), textOrBlob()), func(c *rhai.Call) error {
		n := size(c, 0) + size(c, 1)
		if err := work(c, n, n); err != nil {
			return err
		}
		return c.Return(rhai.Bool(subtle.ConstantTimeCompare(data(c, 0), data(c, 1)) == 1))
	}, "whether two texts are the same, in a time that does not tell where they differ")
	return m
}

// sign makes an HMAC of two arguments.
func sign(c *rhai.Call, digest func() hash.Hash, key, message int) ([]byte, error) {
	if err := digestWork(c, key); err != nil {
		return nil, err
	}
	if err := digestWork(c, message); err != nil {
		return nil, err
	}
	h := hmac.New(digest, data(c, key))
	h.Write(data(c, message))
	return h.Sum(nil), nil
}
