package auth

import (
	"crypto/sha256"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// ChallengeTTL is how long somebody has for the next step of a sign-in.
	ChallengeTTL = 5 * time.Minute

	maxChallengeTries   = 5
	maxChallenges       = 10_000
	maxNetworkChallenge = 100 // of one network, so that one cannot push out all others
)

// purpose is what a challenge may be used for, and nothing else.
type purpose int

const (
	secondFactor      purpose = iota + 1 // the password was right; now the other factor
	passkeySignIn                        // a passkey alone
	passkeyRegister                      // a new passkey for who is signed in
	passkeyProof                         // a passkey to confirm a change of the account
	providerRoundTrip                    // somebody is at the OpenID provider
)

// challenge is the state of somebody who is in the middle of something. Its
// token is all that they hold of it. It is kept in memory: a restart ends it.
type challenge struct {
	purpose purpose
	network string
	expires time.Time
	tries   int

	user     picloud.User      // of secondFactor, passkeyRegister, passkeyProof; of a link to a provider
	password [sha256.Size]byte // fingerprint of the hash that was right, for secondFactor
	session  []byte            // what the verifier of passkeys remembers
	provider providerState     // of providerRoundTrip
}

// challenges is a bounded table of them by the hash of their tokens.
type challenges struct {
	now  func() time.Time
	rand io.Reader

	mu sync.Mutex
	m  map[picloud.TokenHash]*challenge
}

func newChallenges(now func() time.Time, rand io.Reader) *challenges {
	return &challenges{now: now, rand: rand, m: map[picloud.TokenHash]*challenge{}}
}

// add enters a challenge and is its token. The table stays within its bounds:
// the oldest of the same network goes, or the oldest of all.
func (c *challenges) add(ch challenge) (token string, expires time.Time, err error) {
	token, hash, err := newToken(c.rand, challengePrefix)
	if err != nil {
		return "", time.Time{}, err
	}
	ch.expires = c.now().Add(ChallengeTTL)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.makeRoom(ch.network)
	c.m[hash] = &ch
	return token, ch.expires, nil
}

func (c *challenges) makeRoom(network string) {
	now := c.now()
	maps.DeleteFunc(c.m, func(_ picloud.TokenHash, ch *challenge) bool { return !now.Before(ch.expires) })
	if c.count(network) >= maxNetworkChallenge {
		c.dropOldest(func(ch *challenge) bool { return ch.network == network })
	}
	if len(c.m) >= maxChallenges {
		c.dropOldest(func(*challenge) bool { return true })
	}
}

func (c *challenges) count(network string) (n int) {
	for _, ch := range c.m {
		if ch.network == network {
			n++
		}
	}
	return n
}

func (c *challenges) dropOldest(which func(*challenge) bool) {
	var oldest picloud.TokenHash
	var first *challenge
	for hash, ch := range c.m {
		if which(ch) && (first == nil || ch.expires.Before(first.expires)) {
			oldest, first = hash, ch
		}
	}
	delete(c.m, oldest)
}

var errChallenge = picloud.Errorf(picloud.CodeUnauthenticated, "this sign-in has ended or was tried too often; start again")

// look counts a try of a challenge and is a copy of it. It fails when the token
// is not one for the purpose, has expired or was tried too often.
func (c *challenges) look(token string, p ...purpose) (challenge, error) {
	hash, err := hashToken(token, challengePrefix)
	if err != nil {
		return challenge{}, errChallenge
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.m[hash]
	if ch == nil || !slices.Contains(p, ch.purpose) || !c.now().Before(ch.expires) {
		return challenge{}, errChallenge
	}
	if ch.tries++; ch.tries > maxChallengeTries {
		delete(c.m, hash)
		return challenge{}, errChallenge
	}
	return *ch, nil
}

// finish uses a challenge up. Of two who do so at once, one fails.
func (c *challenges) finish(token string) error {
	hash, err := hashToken(token, challengePrefix)
	if err != nil {
		return errChallenge
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.m[hash]; !ok {
		return errChallenge
	}
	delete(c.m, hash)
	return nil
}
