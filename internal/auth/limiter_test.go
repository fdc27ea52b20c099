package auth

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// guess fails to sign in as ada and is the outcome.
func (h *house) guess(address string) picloud.Code {
	_, err := h.login("ada", "a guess", address)
	return picloud.ErrorCode(err)
}

func TestDelaysGrowAndEnd(t *testing.T) {
	h := withOwner(t)
	for range freePairFailures {
		if code := h.guess("198.51.100.7"); code != picloud.CodeInvalidCredentials {
			t.Fatalf("a free guess: %s", code)
		}
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		_, err := h.login("ada", goodPassword, "198.51.100.7")
		var e *picloud.Error
		if !errors.As(err, &e) || e.Code != picloud.CodeRateLimited || e.RetryAfter != want {
			t.Fatalf("%v, want to wait %v", err, want)
		}
		h.clock.Add(want - time.Millisecond)
		if code := h.guess("198.51.100.7"); code != picloud.CodeRateLimited {
			t.Fatalf("a moment before: %s", code)
		}
		h.clock.Add(time.Millisecond)
		if code := h.guess("198.51.100.7"); code != picloud.CodeInvalidCredentials {
			t.Fatalf("after %v: %s", want, code)
		}
	}
	h.clock.Add(forgetAfter)
	if _, err := h.login("ada", goodPassword, "198.51.100.7"); err != nil {
		t.Errorf("after all is forgotten: %v", err)
	}
}

func TestTheOwnerElsewhereIsNotSlowedDown(t *testing.T) {
	h := withOwner(t)
	for range freePairFailures {
		h.guess("198.51.100.7")
	}
	if code := h.guess("198.51.100.7"); code != picloud.CodeRateLimited {
		t.Fatalf("the guesser: %s", code)
	}
	if _, err := h.login("ada", goodPassword, "192.0.2.1"); err != nil {
		t.Errorf("the owner from elsewhere: %v", err)
	}
	if code := h.guess("198.51.100.7"); code != picloud.CodeRateLimited {
		t.Errorf("the guesser, after the owner has signed in elsewhere: %s", code)
	}
}

// TestTenThousandTries is somebody who tries once a second, for almost three
// hours. What counts is how many passwords were looked at.
func TestTenThousandTries(t *testing.T) {
	for name, c := range map[string]struct {
		login, address func(i int) string
		most           int64
	}{
		"at one account from one network": {
			login: func(int) string { return "ada" }, address: func(int) string { return "198.51.100.7" },
			most: freePairFailures + 11 + 12, // the free ones, those of the growing delays, and four an hour
		},
		"at one account from ten thousand networks": {
			login: func(int) string { return "ada" }, address: func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) },
			most: freeAccountFailures + 11 + 12,
		},
		"at ten thousand names from one network": {
			login: func(i int) string { return fmt.Sprint("user", i) }, address: func(int) string { return "2001:db8::1" },
			most: freeNetworkFailures + 11 + 12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := withOwner(t)
			if _, err := h.login("ada", goodPassword, "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
			before := h.hasher.checked.Load()
			for i := range 10_000 {
				_, err := h.login(c.login(i), "a guess", c.address(i))
				if code := picloud.ErrorCode(err); code != picloud.CodeInvalidCredentials && code != picloud.CodeRateLimited {
					t.Fatalf("try %d: %v", i, err)
				}
				h.clock.Add(time.Second)
			}
			if n := h.hasher.checked.Load() - before; n > c.most || n < 20 {
				t.Errorf("%d passwords were looked at, at most %d are right", n, c.most)
			}
			for _, m := range []map[string]*tally{h.attempts.pairs, h.attempts.networks, h.attempts.accounts} {
				if len(m) > maxTracked {
					t.Errorf("%d are tracked", len(m))
				}
			}
			if _, err := h.login("ada", goodPassword, "192.0.2.1"); err != nil {
				t.Errorf("the owner, from where they are signed in: %v", err)
			}
		})
	}
}

// Strangers with many addresses can make an account wait, but not where its
// user is at home, nor for who is signed in.
func TestStrangersCannotLockTheOwnerOut(t *testing.T) {
	h := withOwner(t)
	in := h.mustLogin()
	for i := range freeAccountFailures {
		if code := h.guess(fmt.Sprintf("198.51.100.%d", i)); code != picloud.CodeInvalidCredentials {
			t.Fatalf("guess %d: %s", i, code)
		}
	}
	for _, login := range []string{"ada", "ADA"} {
		_, err := h.login(login, goodPassword, "203.0.113.5")
		h.wantCode(err, picloud.CodeRateLimited)
	}
	if _, err := h.Authenticate(h.ctx, in.Token); err != nil {
		t.Errorf("who is signed in is sent away: %v", err)
	}
	for range 3 {
		if _, err := h.login("ada", goodPassword, "192.0.2.1"); err != nil {
			t.Errorf("the owner at home: %v", err)
		}
		for i := range freeAccountFailures {
			h.guess(fmt.Sprintf("203.0.113.%d", i))
		}
	}
	// The network of another user is no home.
	if code := h.guess("192.0.2.200"); code != picloud.CodeRateLimited {
		t.Errorf("from a network that is not the owner's: %s", code)
	}
}

// What a refused try costs and says does not depend on whether there is such a
// user.
func TestRefusalsTellNothing(t *testing.T) {
	t.Parallel()
	type trace struct {
		message    string
		statements int64
	}
	var traces []trace
	for _, login := range []string{"ada", "nobody"} {
		func() {
			h := oneWithOwner(t)
			h.mustLogin()
			for i := range freeAccountFailures {
				if _, err := h.login(login, "a guess", fmt.Sprintf("198.51.100.%d", i)); !picloud.IsCode(err, picloud.CodeInvalidCredentials) {
					t.Fatal(err)
				}
			}
			before := h.store.Statements()
			_, err := h.login(login, "a guess", "203.0.113.5")
			h.wantCode(err, picloud.CodeRateLimited)
			traces = append(traces, trace{err.Error(), h.store.Statements() - before})
		}()
	}
	if traces[0] != traces[1] {
		t.Errorf("a user: %+v, nobody: %+v", traces[0], traces[1])
	}
}

func TestGuessesAtOnceAreCounted(t *testing.T) {
	h := withOwner(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[picloud.Code]int{}
	for range 4 * freePairFailures {
		wg.Go(func() {
			code := h.guess("198.51.100.7")
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	if codes[picloud.CodeInvalidCredentials] != freePairFailures || codes[picloud.CodeRateLimited] != 3*freePairFailures {
		t.Errorf("outcomes %v, want %d guesses let through", codes, freePairFailures)
	}
}

func TestFloodOfNamesDoesNotForgetTheVictim(t *testing.T) {
	c := &clock{t: time.Unix(1_700_000_000, 0)}
	l := newLimiter(c.Now)
	for i := range 5 {
		if _, err := l.begin(try{account: "victim", address: fmt.Sprint("v", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxTracked + 500 {
		if _, err := l.begin(try{account: fmt.Sprint("name", i), address: fmt.Sprint("addr", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := max(len(l.accounts), len(l.networks), len(l.pairs)); n > maxTracked {
		t.Errorf("%d tracked, at most %d are allowed", n, maxTracked)
	}
	if v := l.accounts["victim"]; v == nil || v.failures != 5 {
		t.Errorf("the victim's tally is %+v", v)
	}
	c.Add(forgetAfter)
	if _, err := l.begin(try{account: "late", address: "late"}); err != nil || len(l.accounts) != 1 {
		t.Errorf("when all is over %d are tracked, %v", len(l.accounts), err)
	}
}
