package domains

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

const (
	shop   = "shop.example.org"
	secret = "secret"
)

// site is a web server of a domain on loopback, and a checker that may reach
// it.
func site(t *testing.T, h http.HandlerFunc, networks ...string) (*Checker, *testenv.DNS) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	dns := testenv.StartDNS(t)
	dns.Host(shop, [4]byte{127, 0, 0, 1})
	cfg := Config{Resolver: dns.Addr, HTTPPort: uint16(srv.Listener.Addr().(*net.TCPAddr).Port)}
	for _, n := range networks {
		cfg.Networks = append(cfg.Networks, netip.MustParsePrefix(n))
	}
	return NewChecker(cfg), dns
}

const loopback = "127.0.0.0/8"

func silent(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }

func check(t *testing.T, c *Checker, kind, want picloud.ProofKind, words ...string) {
	t.Helper()
	got, err := c.Check(t.Context(), shop, secret, kind)
	if got != want || (want == "") != picloud.IsCode(err, picloud.CodeDomainUnproved) {
		t.Errorf("Check(%q) = %q, %v; want %q", kind, got, err, want)
	}
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("Check(%q): the error does not say %q: %v", kind, w, err)
		}
	}
}

func TestATextRecordProves(t *testing.T) {
	t.Parallel()
	c, dns := site(t, silent, loopback)
	check(t, c, "", "", "no TXT record _picloud-challenge.shop.example.org", "answers with 404")
	dns.Text(RecordName(shop), "v=spf1 -all", Proof(shop, "another"))
	check(t, c, picloud.ProofDNS, "", "holds something else")
	dns.Text(RecordName(shop), "v=spf1 -all", " "+Proof(shop, secret)+" ")
	check(t, c, picloud.ProofDNS, picloud.ProofDNS)
	check(t, c, "", picloud.ProofDNS)
	check(t, c, picloud.ProofHTTP, "")
	dns.Text(RecordName(shop))
	dns.Text(shop, Proof(shop, secret)) // not below the label
	check(t, c, picloud.ProofDNS, "")
	if other, err := c.Check(t.Context(), "other.example.org", secret, ""); err == nil {
		t.Errorf("another domain is proved by %q", other)
	}
}

func TestAFileProves(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 8)
	c, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		fmt.Fprintln(w, Proof(shop, secret))
	}, loopback)
	check(t, c, "", picloud.ProofHTTP)
	r := <-asked
	if host, _, _ := net.SplitHostPort(r.Host); host != shop || r.URL.Path != HTTPPath+secret {
		t.Errorf("asked for %s at %s", r.URL.Path, r.Host)
	}
}

func TestWhatIsNoProof(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"a server that repeats what it is asked": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.TrimPrefix(r.URL.Path, HTTPPath)) },
		"the proof in a page":                    func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<p>"+Proof(shop, secret)) },
		"the proof with 404":                     func(w http.ResponseWriter, r *http.Request) { http.Error(w, Proof(shop, secret), http.StatusNotFound) },
		"the proof of another domain":            func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, Proof("other.example.org", secret)) },
		"the proof after a lot of nothing": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, strings.Repeat(" ", maxAnswer), Proof(shop, secret))
		},
		"an answer without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
		"a redirect to another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1/"+Proof(shop, secret), http.StatusFound)
		},
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"a head without end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 64<<10))
			fmt.Fprint(w, Proof(shop, secret))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := site(t, h, loopback)
			check(t, c, picloud.ProofHTTP, "")
		})
	}
}

func TestARedirectWithinTheDomainIsFollowed(t *testing.T) {
	t.Parallel()
	c, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moved" {
			http.Redirect(w, r, "/moved", http.StatusMovedPermanently)
			return
		}
		fmt.Fprint(w, Proof(shop, secret))
	}, loopback)
	check(t, c, picloud.ProofHTTP, picloud.ProofHTTP)
}

// TestNothingPrivateIsAsked gives domains addresses that no stranger should
// make us connect to; the server there would even prove them.
func TestNothingPrivateIsAsked(t *testing.T) {
	t.Parallel()
	reached := func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was fetched", r.URL)
		fmt.Fprint(w, Proof(shop, secret))
	}
	c, dns := site(t, reached)
	for _, address := range [][4]byte{
		{127, 0, 0, 1}, {127, 9, 9, 9}, {0, 0, 0, 0}, {10, 0, 0, 1}, {192, 168, 1, 1}, {172, 16, 0, 1}, {169, 254, 169, 254}, {100, 64, 0, 1}, {224, 0, 0, 1}, {255, 255, 255, 255},
	} {
		dns.Host(shop, address)
		check(t, c, picloud.ProofHTTP, "", "does not lead to a public address")
	}
	// A network that is allowed does not allow another.
	lan, dns := site(t, reached, "192.168.0.0/16")
	dns.Host(shop, [4]byte{127, 0, 0, 1})
	check(t, lan, picloud.ProofHTTP, "", "does not lead to a public address")
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the proxy was asked for %s", r.URL)
	}))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	c, dns := site(t, silent)
	dns.Host(shop, [4]byte{10, 0, 0, 1})
	check(t, c, picloud.ProofHTTP, "", "does not lead to a public address")
}

func TestChecksAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, maxAtOnce), make(chan struct{})
	c, _ := site(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		fmt.Fprint(w, Proof(shop, secret))
	}, loopback)
	results := make(chan error, maxAtOnce)
	for range maxAtOnce {
		go func() {
			_, err := c.Check(context.Background(), shop, secret, picloud.ProofHTTP)
			results <- err
		}()
		<-arrived
	}
	if _, err := c.Check(t.Context(), shop, secret, picloud.ProofHTTP); !picloud.IsCode(err, picloud.CodeOverloaded) {
		t.Errorf("one check too many: %v", err)
	}
	close(release)
	for range maxAtOnce {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	check(t, c, picloud.ProofHTTP, picloud.ProofHTTP)
}

func TestChallengesDiffer(t *testing.T) {
	t.Parallel()
	a, err := NewChallenge(nil)
	b, err2 := NewChallenge(nil)
	if err != nil || err2 != nil || a == b || len(a) != 32 {
		t.Errorf("challenges %q, %q: %v, %v", a, b, err, err2)
	}
	if Proof(shop, a) == Proof(shop, b) || Proof(shop, a) == Proof("x."+shop, a) || strings.Contains(Proof(shop, a), a) {
		t.Error("proofs do not depend on both, or show the challenge")
	}
	if _, err := NewChallenge(strings.NewReader("short")); err == nil {
		t.Error("a challenge was made of too little")
	}
}
