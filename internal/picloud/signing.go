package picloud

// MaxSignedBytes bounds what is signed with a secret in one call.
const MaxSignedBytes = MaxCallBytes

// Algorithm is a way to sign, by its name in JSON Web Algorithms (RFC 7518)
// where it has one.
type Algorithm string

// The algorithms. The key is the value of a secret: for those of HMAC as it is,
// for the others in PEM.
const (
	AlgHS1   Algorithm = "HS1" // HMAC with SHA-1, which other systems still ask for
	AlgHS256 Algorithm = "HS256"
	AlgHS384 Algorithm = "HS384"
	AlgHS512 Algorithm = "HS512"
	AlgRS256 Algorithm = "RS256" // RSA, PKCS #1 1.5, with SHA-256
	AlgPS256 Algorithm = "PS256" // RSA, PSS, with SHA-256
	AlgES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	AlgEdDSA Algorithm = "EdDSA" // Ed25519
	// AlgSame is no signature: the "signature" is right when it is the value of
	// the secret.
	AlgSame Algorithm = "same"
)

// Signing asks for data to be signed with a secret of the app.
type Signing struct {
	Secret    string // its name
	Algorithm Algorithm
	Data      []byte
}

// Validate refuses what cannot be signed whoever is asked.
func (s *Signing) Validate() error {
	if err := ValidateSecretName(s.Secret); err != nil {
		return err
	}
	if len(s.Data) > MaxSignedBytes {
		return Invalid("data", "there are %d bytes to be signed, at most %d are allowed", len(s.Data), MaxSignedBytes)
	}
	return nil
}
