package auth

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// How many failures are borne before each further one makes the next try wait:
// a second, two, four, up to maxDelay.
//
// Who guesses at one account from one network is slowed down soon; who guesses
// at many accounts from one network, or at one account from many networks,
// a little later. The last is the one that strangers could use to lock an
// owner out, and so it does not hold for networks that the account is signed
// in from.
const (
	freePairFailures    = 5  // of one account from one network
	freeNetworkFailures = 20 // of one network at any accounts
	freeAccountFailures = 20 // of one account from any networks

	firstDelay = time.Second
	maxDelay   = 15 * time.Minute
	// forgetAfter the last failure; above maxDelay, so that waiting it out
	// does not start anew.
	forgetAfter = time.Hour

	// maxTracked bounds the memory of each table.
	maxTracked = 10_000
)

// limiter counts failed tries by account, by network, and by both together.
type limiter struct {
	now func() time.Time

	mu       sync.Mutex
	pairs    map[string]*tally
	networks map[string]*tally
	accounts map[string]*tally
}

// tally is the failures of one key.
type tally struct {
	failures int
	last     time.Time // of a failure
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, pairs: map[string]*tally{}, networks: map[string]*tally{}, accounts: map[string]*tally{}}
}

// try is what is tried: an account, as it was typed, from an address. With
// familiar, the account is signed in from there.
type try struct {
	account, address string
	familiar         bool
}

// attempt is a try that has been counted as failed until it is known better.
// Counting first leaves no gap for many attempts at once.
type attempt struct {
	l                      *limiter
	pair, network, account *tally
}

// refused is a try that has to wait. strange: it would not have to if it came
// from a familiar network.
type refused struct {
	wait    time.Duration
	strange bool
}

func (r *refused) Error() string { return "too many failures" }

// problem is what the refused one is told.
func (r *refused) problem() error {
	return &picloud.Error{
		Code: picloud.CodeRateLimited, RetryAfter: r.wait,
		Message: fmt.Sprintf("too many failed logins; try again in %s", max(r.wait.Round(time.Second), time.Second)),
	}
}

// begin counts a try, or refuses it with *refused. A refused one does not make
// the wait longer.
func (l *limiter) begin(t try) (*attempt, error) {
	now, net := l.now(), network(t.address)
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &attempt{
		l: l, network: find(l.networks, net, now), account: find(l.accounts, t.account, now),
		pair: find(l.pairs, t.account+"\x00"+net, now),
	}
	wait := max(a.pair.wait(freePairFailures, now), a.network.wait(freeNetworkFailures, now))
	if account := a.account.wait(freeAccountFailures, now); account > wait && !t.familiar {
		return nil, &refused{wait: account, strange: wait == 0}
	}
	if wait > 0 {
		return nil, &refused{wait: wait}
	}
	for _, t := range []*tally{a.pair, a.network, a.account} {
		t.failures++
		t.last = now
	}
	return a, nil
}

// wait is how long is to be waited before the next try, or 0.
func (t *tally) wait(free int, now time.Time) time.Duration {
	if t.failures < free {
		return 0
	}
	delay := maxDelay
	if over := t.failures - free; over < 20 { // beyond, the shift would be a long one
		delay = min(maxDelay, firstDelay<<over)
	}
	return max(0, t.last.Add(delay).Sub(now))
}

// succeed takes the attempt back and clears what was held against the account
// from here.
func (a *attempt) succeed() {
	a.forget()
	a.clear()
}

// clear clears what was held against the account from here. The network, and
// the account elsewhere, keep their failures, lest one good login pays for
// guessing at others, and from elsewhere.
func (a *attempt) clear() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.pair.failures = 0
}

// forget takes back an attempt that was no failure.
func (a *attempt) forget() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	for _, t := range []*tally{a.pair, a.network, a.account} {
		t.failures = max(0, t.failures-1)
	}
}

// find is the tally of a key, new when there is none that still counts.
func find(m map[string]*tally, key string, now time.Time) *tally {
	if t, ok := m[key]; ok && !t.over(now) {
		return t
	}
	if len(m) >= maxTracked {
		evict(m, now)
	}
	t := &tally{last: now}
	m[key] = t
	return t
}

func (t *tally) over(now time.Time) bool { return now.Sub(t.last) >= forgetAfter }

// evict makes room: all that is over goes, and if nothing is, the one with the
// fewest failures. So a flood of invented names pushes out itself, and not
// the account that is being guessed at.
func evict(m map[string]*tally, now time.Time) {
	least, key := 0, ""
	for k, t := range m {
		if t.over(now) {
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
