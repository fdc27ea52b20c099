package secrets

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
	"github.com/picloud/picloud/internal/store"
)

// ring is a key ring of keys that are told by their bytes.
func ring(t *testing.T, keys ...byte) *seal.Keyring {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, bytes.Repeat([]byte{k}, seal.KeySize))
	}
	r, err := seal.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "db"), Now: time.Now, IDs: picloud.NewIDs(time.Now, rand.Reader)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestVault(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	app, err := s.AppByName(t.Context(), picloud.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	v := New(s, ring(t, 1))
	if _, err := v.Set(t.Context(), picloud.DefaultApp, "TOKEN", "the value", "ada"); err != nil {
		t.Fatal(err)
	}
	got, err := v.Value(t.Context(), app.ID, "TOKEN")
	if err != nil || got != "the value" {
		t.Errorf("%q, %v", got, err)
	}
	sealed, err := s.SealedSecretOf(t.Context(), app.ID, "TOKEN")
	if err != nil || bytes.Contains(sealed.Sealed, []byte("value")) {
		t.Errorf("kept as %q, %v", sealed.Sealed, err)
	}
	// What is moved to another secret does not open there.
	if _, err := s.PutSecret(t.Context(), picloud.DefaultApp, "OTHER", "eve", func(picloud.SecretPlace) ([]byte, error) { return sealed.Sealed, nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Value(t.Context(), app.ID, "OTHER"); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("a secret that was moved: %v", err)
	}
	if err := s.DeleteSecret(t.Context(), picloud.DefaultApp, "OTHER"); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"no name": set(v, t, "", "x"), "a bad name": set(v, t, "A-B", "x"), "no value": set(v, t, "A", ""),
		"too long": set(v, t, "A", strings.Repeat("x", picloud.MaxSecretBytes+1)), "not UTF-8": set(v, t, "A", "\xff"),
	} {
		if !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := set(v, t, "A", strings.Repeat("x", picloud.MaxSecretBytes)); err != nil {
		t.Errorf("as long as may be: %v", err)
	}
	keyless := New(s, nil)
	if _, err := keyless.Value(t.Context(), app.ID, "TOKEN"); !picloud.IsCode(err, picloud.CodeUnavailable) {
		t.Errorf("read without a key: %v", err)
	}
	if err := set(keyless, t, "A", "x"); !picloud.IsCode(err, picloud.CodeUnavailable) {
		t.Errorf("set without a key: %v", err)
	}
}

func set(v *Vault, t *testing.T, name, value string) error {
	_, err := v.Set(t.Context(), picloud.DefaultApp, name, value, "ada")
	return err
}

// TestKeysAreChanged: with a new key behind the old one everything is sealed
// anew, and then the old one can go.
func TestKeysAreChanged(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	app, err := s.AppByName(t.Context(), picloud.DefaultApp)
	if err != nil {
		t.Fatal(err)
	}
	if err := set(New(s, ring(t, 1)), t, "TOKEN", "the value"); err != nil {
		t.Fatal(err)
	}
	both := New(s, ring(t, 1, 2))
	for _, want := range []int{1, 0} {
		if n, err := both.Reseal(t.Context()); err != nil || n != want {
			t.Errorf("sealed %d anew, %v; want %d", n, err, want)
		}
	}
	if got, err := New(s, ring(t, 2)).Value(t.Context(), app.ID, "TOKEN"); err != nil || got != "the value" {
		t.Errorf("with the new key alone: %q, %v", got, err)
	}
	if _, err := New(s, ring(t, 1)).Reseal(t.Context()); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("with the old key alone: %v", err)
	}
}

func pemOf(t *testing.T, kind string, key any, marshal func(any) ([]byte, error)) string {
	t.Helper()
	der, err := marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	data := []byte("signed")
	for alg, key := range map[picloud.Algorithm]crypto.Signer{picloud.AlgRS256: rsaKey, picloud.AlgPS256: rsaKey, picloud.AlgES256: ecKey, picloud.AlgEdDSA: edKey} {
		private := pemOf(t, "PRIVATE KEY", key, x509.MarshalPKCS8PrivateKey)
		public := pemOf(t, "PUBLIC KEY", key.Public(), x509.MarshalPKIXPublicKey)
		signature, err := Sign(alg, private, data)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		for what, k := range map[string]string{"private": private, "public": public} {
			if ok, err := Verify(alg, k, data, signature); !ok || err != nil {
				t.Errorf("%s with the %s key: %v, %v", alg, what, ok, err)
			}
			if ok, err := Verify(alg, k, []byte("other"), signature); ok || err != nil {
				t.Errorf("%s of other data with the %s key: %v, %v", alg, what, ok, err)
			}
			if ok, _ := Verify(alg, k, data, signature[1:]); ok {
				t.Errorf("%s takes a signature that is cut", alg)
			}
		}
		for other := range map[picloud.Algorithm]bool{picloud.AlgRS256: true, picloud.AlgES256: true, picloud.AlgEdDSA: true} {
			if other == alg || alg == picloud.AlgPS256 && other == picloud.AlgRS256 {
				continue
			}
			if _, err := Sign(other, private, data); !picloud.IsCode(err, picloud.CodeInvalid) {
				t.Errorf("a key of %s signs %s: %v", alg, other, err)
			}
			if ok, err := Verify(other, public, data, signature); ok || !picloud.IsCode(err, picloud.CodeInvalid) {
				t.Errorf("a key of %s verifies %s: %v", alg, other, err)
			}
		}
		if _, err := Sign(alg, public, data); !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("%s with a public key: %v", alg, err)
		}
		if _, err := Sign(alg, "no key", data); !picloud.IsCode(err, picloud.CodeInvalid) || strings.Contains(err.Error(), "no key at all") {
			t.Errorf("%s with no key: %v", alg, err)
		}
	}
	// RFC 4231, test case 2.
	sum, err := Sign(picloud.AlgHS256, "Jefe", []byte("what do ya want for nothing?"))
	if hex.EncodeToString(sum) != "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" || err != nil {
		t.Errorf("HS256: %x, %v", sum, err)
	}
	if ok, err := Verify(picloud.AlgHS256, "Jefe", []byte("what do ya want for nothing?"), sum); !ok || err != nil {
		t.Errorf("HS256: %v, %v", ok, err)
	}
	for value, want := range map[string]bool{"same": true, "sam": false, "": false} {
		if ok, err := Verify(picloud.AlgSame, "same", nil, []byte(value)); ok != want || err != nil {
			t.Errorf("same as %q: %v, %v", value, ok, err)
		}
	}
	for _, alg := range []picloud.Algorithm{"none", "", "HS257", picloud.AlgSame} {
		if _, err := Sign(alg, "value", data); !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("%q: %v", alg, err)
		}
	}
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	if small != nil {
		if _, err := Sign(picloud.AlgRS256, pemOf(t, "PRIVATE KEY", small, x509.MarshalPKCS8PrivateKey), data); !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("a small RSA key: %v", err)
		}
	}
}
