package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

const (
	version    = 1
	idSize     = 8
	overhead   = 12 + 16 // nonce and tag of AES-GCM
	headerSize = 1 + idSize + KeySize + overhead
)

// Sealing fails to open for one of these reasons.
var (
	// ErrUnknownKey: the key that sealed it is not on the ring.
	ErrUnknownKey = errors.New("sealed with a key that is not here")
	// ErrTampered: it was changed, or it was sealed for another place.
	ErrTampered = errors.New("the sealed value is damaged or belongs elsewhere")
)

// Keyring holds the keys of an instance. It is immutable and safe for
// concurrent use. New makes one.
type Keyring struct {
	keys    map[keyID]cipher.AEAD
	current keyID
}

// keyID names a key by its fingerprint, so that two keys never share a name.
type keyID [idSize]byte

// New makes a ring of keys of KeySize bytes. The last one seals.
func New(keys ...[]byte) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("a key ring needs a key")
	}
	k := &Keyring{keys: map[keyID]cipher.AEAD{}}
	for _, key := range keys {
		aead, err := gcm(key)
		if err != nil {
			return nil, err
		}
		k.current = idOf(key)
		k.keys[k.current] = aead
	}
	return k, nil
}

func idOf(key []byte) keyID {
	sum := sha256.Sum256(append([]byte("picloud key id\x00"), key...))
	return keyID(sum[:idSize])
}

func gcm(key []byte) (cipher.AEAD, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal encrypts a secret for the place where it will be kept.
func (k *Keyring) Seal(secret []byte, place string) ([]byte, error) {
	dataKey := make([]byte, KeySize)
	rand.Read(dataKey) // never fails, as its documentation has it
	data, err := gcm(dataKey)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, headerSize+len(secret)+overhead)
	out = k.wrap(out, dataKey, place)
	return data.Seal(out, nil, secret, []byte(place)), nil
}

// wrap appends the header: what says which key opens it, and the data key.
func (k *Keyring) wrap(out, dataKey []byte, place string) []byte {
	out = append(out, version)
	out = append(out, k.current[:]...)
	return k.keys[k.current].Seal(out, nil, dataKey, wrapContext(out[:1+idSize], place))
}

// wrapContext is what the wrapped key is bound to: the header before it, and
// the place.
func wrapContext(head []byte, place string) []byte {
	return append(bytes.Clone(head), place...)
}

// Open decrypts what was sealed for this place. It fails with ErrUnknownKey or
// ErrTampered.
func (k *Keyring) Open(sealed []byte, place string) ([]byte, error) {
	dataKey, err := k.unwrap(sealed, place)
	if err != nil {
		return nil, err
	}
	data, err := gcm(dataKey)
	if err != nil {
		return nil, err
	}
	secret, err := data.Open(nil, nil, sealed[headerSize:], []byte(place))
	if err != nil {
		return nil, ErrTampered
	}
	return secret, nil
}

func (k *Keyring) unwrap(sealed []byte, place string) (dataKey []byte, err error) {
	if len(sealed) < headerSize+overhead || sealed[0] != version {
		return nil, ErrTampered
	}
	id := keyID(sealed[1 : 1+idSize])
	aead, ok := k.keys[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, hex.EncodeToString(id[:]))
	}
	dataKey, err = aead.Open(nil, nil, sealed[1+idSize:headerSize], wrapContext(sealed[:1+idSize], place))
	if err != nil {
		return nil, ErrTampered
	}
	return dataKey, nil
}

// Rewrap is what was sealed for a place, under the ring's current key. The
// secret itself is not decrypted. changed is false when it is there already.
func (k *Keyring) Rewrap(sealed []byte, place string) (out []byte, changed bool, err error) {
	dataKey, err := k.unwrap(sealed, place)
	if err != nil {
		return nil, false, err
	}
	if keyID(sealed[1:1+idSize]) == k.current {
		return sealed, false, nil
	}
	out = k.wrap(make([]byte, 0, len(sealed)), dataKey, place)
	return append(out, sealed[headerSize:]...), true, nil
}

// Current is the id of the key that seals, for people to compare.
func (k *Keyring) Current() string { return hex.EncodeToString(k.current[:]) }
