package orchestrator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/secrets"
)

// TestTokensWithSecrets has tokens signed with keys that no script sees, read by
// another library and by a script that has the public key.
func TestTokensWithSecrets(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil, calling(t))
	vault := n.cfg.Secrets.(*secrets.Vault)
	set := func(name, value string) {
		if _, err := vault.Set(t.Context(), picloud.DefaultApp, name, value, "ada"); err != nil {
			t.Fatal(err)
		}
	}
	n.deploy("sign", `jwt::sign(#{ sub: "ada" }, secret::get("KEY"), #{ alg: req.query.alg, expires_in: 60 })`)
	n.deploy("verify", `jwt::verify(req.query.token, secret::get("PUBLIC"), #{ alg: req.query.alg }).sub`)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.PS256: rsaKey, jose.ES256: ecKey, jose.EdDSA: edKey} {
		private, _ := x509.MarshalPKCS8PrivateKey(key)
		public, _ := x509.MarshalPKIXPublicKey(key.Public())
		set("KEY", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
		set("PUBLIC", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
		token := n.do("GET", "/sign?alg="+string(alg), "")
		if token.status != 200 {
			t.Fatalf("%s: %d %s", alg, token.status, n.last("sign").Error.Message)
		}
		signed, err := jose.ParseSigned(token.body, []jose.SignatureAlgorithm{alg})
		if err == nil {
			_, err = signed.Verify(key.Public())
		}
		if err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if a := n.do("GET", "/verify?alg="+string(alg)+"&token="+token.body, ""); a.body != "ada" {
			t.Errorf("%s: %d %s", alg, a.status, a.body)
		}
		// A public key is no key for HMAC, whoever knows it.
		n.do("GET", "/verify?alg=HS256&token="+token.body, "").want(t, "another algorithm", 500, "script_error")
	}
	set("KEY", "a shared key that is long enough")
	set("PUBLIC", "a shared key that is long enough")
	token := n.do("GET", "/sign?alg=HS256", "")
	if a := n.do("GET", "/verify?alg=HS256&token="+token.body, ""); a.body != "ada" {
		t.Errorf("HS256: %d %s", a.status, a.body)
	}
}
