package secrets

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"hash"
	"math/big"

	"github.com/picloud/picloud/internal/picloud"
)

// minRSA is the size of the smallest RSA key that is taken, in bits.
const minRSA = 2048

// hmacs are the hash functions of the algorithms that are HMAC.
func hmacOf(a picloud.Algorithm) func() hash.Hash {
	switch a {
	case picloud.AlgHS1:
		return sha1.New
	case picloud.AlgHS256:
		return sha256.New
	case picloud.AlgHS384:
		return sha512.New384
	case picloud.AlgHS512:
		return sha512.New
	}
	return nil
}

// Sign signs data with the value of a secret. Errors are [picloud.Error]s that
// hold nothing of it.
func Sign(a picloud.Algorithm, value string, data []byte) ([]byte, error) {
	if h := hmacOf(a); h != nil {
		// A public key that were taken for a key of HMAC would let anybody sign.
		if block, _ := pem.Decode([]byte(value)); block != nil {
			return nil, errWrongKey(a)
		}
		m := hmac.New(h, []byte(value))
		m.Write(data)
		return m.Sum(nil), nil
	}
	key, err := privateKey(value)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	switch key := key.(type) {
	case *rsa.PrivateKey:
		switch {
		case key.N.BitLen() < minRSA:
			return nil, errSmallKey()
		case a == picloud.AlgRS256:
			return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		case a == picloud.AlgPS256:
			return rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *ecdsa.PrivateKey:
		if a == picloud.AlgES256 && key.Curve == elliptic.P256() {
			return signECDSA(key, sum[:])
		}
	case ed25519.PrivateKey:
		if a == picloud.AlgEdDSA {
			return ed25519.Sign(key, data), nil
		}
	}
	return nil, errWrongKey(a)
}

// signECDSA makes a signature in the form of JSON Web Signatures: both numbers
// with 32 bytes.
func signECDSA(key *ecdsa.PrivateKey, sum []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, key, sum)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

// Verify reports whether a signature of data is right. For the algorithms with
// two keys the secret may be either of them.
func Verify(a picloud.Algorithm, value string, data, signature []byte) (bool, error) {
	if a == picloud.AlgSame {
		return subtle.ConstantTimeCompare([]byte(value), signature) == 1, nil
	}
	if hmacOf(a) != nil {
		want, err := Sign(a, value, data)
		return err == nil && hmac.Equal(want, signature), err
	}
	key, err := publicKey(value)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(data)
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch {
		case key.N.BitLen() < minRSA:
			return false, errSmallKey()
		case a == picloud.AlgRS256:
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil, nil
		case a == picloud.AlgPS256:
			return rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil, nil
		}
	case *ecdsa.PublicKey:
		if a == picloud.AlgES256 && key.Curve == elliptic.P256() {
			if len(signature) != 64 {
				return false, nil
			}
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			return ecdsa.Verify(key, sum[:], r, s), nil
		}
	case ed25519.PublicKey:
		if a == picloud.AlgEdDSA {
			return ed25519.Verify(key, data, signature), nil
		}
	}
	return false, errWrongKey(a)
}

func errSmallKey() error {
	return picloud.Invalid("secret", "the RSA key of the secret has fewer than %d bits", minRSA)
}

func errWrongKey(a picloud.Algorithm) error {
	return picloud.Invalid("secret", "the key of the secret is not one for %s", a)
}

// privateKey reads a private key in PEM.
func privateKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, picloud.Invalid("secret", "the secret is no private key in PEM")
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, picloud.Invalid("secret", "the secret is no private key that can be read: PKCS #8, or that of RSA or ECDSA, without a password")
}

// publicKey reads a public key in PEM, or the one of a private key or of a
// certificate.
func publicKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, picloud.Invalid("secret", "the key is not in PEM")
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key, nil
	}
	if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
		return cert.PublicKey, nil
	}
	key, err := privateKey(text)
	if err != nil {
		return nil, picloud.Invalid("secret", "the key is none that can be read")
	}
	return key.(crypto.Signer).Public(), nil
}
