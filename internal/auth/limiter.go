package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// How many failed logins are borne, and for how long they count.
const (
	maxAddressFailures = 10
	maxAccountFailures = 20 // above maxAddressFailures: one address alone cannot lock an account
	failureWindow      = 15 * time.Minute

	// maxTracked bounds the memory of either table.
	maxTracked = 10_000
)

// limiter counts failed logins by account and by address.
type limiter struct {
	now func() time.Time

	mu        sync.Mutex
	accounts  map[string]*tally
	addresses map[string]*tally
}

// tally is the failures of one account or address until they are forgotten.
type tally struct {
	failures int
	until    time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, accounts: map[string]*tally{}, addresses: map[string]*tally{}}
}

// attempt is a login that has been counted as failed until it is known better.
// Counting first leaves no gap for many attempts at once.
type attempt struct {
	l                *limiter
	account, address *tally
}

// begin counts an attempt, or refuses it with CodeRateLimited. A refused one
// does not make the wait longer.
func (l *limiter) begin(account, address string) (*attempt, error) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &attempt{l: l, account: find(l.accounts, account, now), address: find(l.addresses, network(address), now)}
	wait := max(a.account.blocked(maxAccountFailures, now), a.address.blocked(maxAddressFailures, now))
	if wait > 0 {
		return nil, &picloud.Error{
			Code: picloud.CodeRateLimited, RetryAfter: wait,
			Message: "too many failed logins; try again in " + wait.Round(time.Second).String(),
		}
	}
	for _, t := range []*tally{a.account, a.address} {
		t.failures++
		t.until = now.Add(failureWindow)
	}
	return a, nil
}

// blocked is how long is to be waited, or 0.
func (t *tally) blocked(most int, now time.Time) time.Duration {
	if t.failures < most {
		return 0
	}
	return t.until.Sub(now)
}

// succeed clears the account; the address only gets this attempt back, lest
// one good account pays for guessing at others.
func (a *attempt) succeed() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.account.failures = 0
	a.address.failures = max(0, a.address.failures-1)
}

// forget takes back an attempt that was neither right nor wrong.
func (a *attempt) forget() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.account.failures = max(0, a.account.failures-1)
	a.address.failures = max(0, a.address.failures-1)
}

// find is the tally of a key, new when there is none that still counts.
func find(m map[string]*tally, key string, now time.Time) *tally {
	if t, ok := m[key]; ok && now.Before(t.until) {
		return t
	}
	if len(m) >= maxTracked {
		evict(m, now)
	}
	t := &tally{}
	m[key] = t
	return t
}

// evict makes room: all that is over goes, and if nothing is, the one with the
// fewest failures. So a flood of invented names pushes out itself, and not
// the account that is being guessed at.
func evict(m map[string]*tally, now time.Time) {
	least, key := 0, ""
	for k, t := range m {
		if !now.Before(t.until) {
			delete(m, k)
		} else if key == "" || t.failures < least {
			least, key = t.failures, k
		}
	}
	if len(m) >= maxTracked {
		delete(m, key)
	}
}

// network is what an address counts as: itself, or for IPv6 its /64, of which
// a single customer has all addresses.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return printable(address, 64)
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}
