package orchestrator

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/picloud"
)

// Callers tells who holds a token. An auth.Service does.
type Callers interface {
	// Authenticate tells who holds the token of a session, or an API key;
	// CodeUnauthenticated for who holds neither.
	Authenticate(ctx context.Context, token string) (picloud.Principal, error)
	// Touch writes down that a principal acts again.
	Touch(ctx context.Context, p picloud.Principal)
}

const (
	// maxKnown bounds the callers in memory. With more than that all are
	// forgotten and looked up again.
	maxKnown = 10_000
	// sessionFor is how long a person who has been looked up is not looked up
	// again: a session in use must not run out for want of being seen.
	sessionFor = 10 * time.Minute
	// lookups are how many callers are looked up at once: strangers who invent
	// keys must not take all of the database's connections.
	lookups = 8
)

// known are callers who have been looked up under one table. What ends
// somebody's access changes what is live, and with that the table: the next one
// knows nobody. The zero value is empty.
type known struct {
	mu sync.RWMutex
	m  map[knownKey]*knownCaller
}

// knownKey is a token, of which only a hash is kept, in an app.
type knownKey struct {
	token picloud.TokenHash
	appID string
}

// knownCaller is who holds a token, and whether they may call the app's routes.
type knownCaller struct {
	caller  *picloud.Caller
	by      picloud.Principal
	refused error
	until   time.Time    // when they are to be looked up again
	touched atomic.Int64 // when its use was last written down, in Unix seconds
}

// seen is what a script sees of a caller; nil on a route for everybody.
func (c *knownCaller) seen() *picloud.Caller {
	if c == nil {
		return nil
	}
	return c.caller
}

func (k *known) get(key knownKey) *knownCaller {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.m[key]
}

func (k *known) put(key knownKey, c *knownCaller) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil || len(k.m) >= maxKnown {
		k.m = map[knownKey]*knownCaller{}
	}
	k.m[key] = c
}

// admit tells who calls a route that is not for everybody, or refuses them:
// CodeUnauthenticated without a good key or session, CodeForbidden for who does
// not belong to the app. Nothing of the body has been read.
func (o *Orchestrator) admit(t *table, a *app, auth picloud.RouteAuth, r *http.Request) (*knownCaller, error) {
	token, err := tokenOf(r)
	if err != nil {
		return nil, err
	}
	c, err := o.caller(r.Context(), t, a, token)
	switch {
	case err != nil:
		return nil, err
	case auth == picloud.AuthKey && c.by.Kind != picloud.PrincipalKey:
		return nil, picloud.Errorf(picloud.CodeForbidden, "this is for API keys only")
	case c.refused != nil:
		return nil, c.refused
	}
	return c, nil
}

// tokenOf is what a request proves itself by: a bearer token, or the cookie of
// a browser that is signed in. The cookie comes along whoever makes the browser
// ask, so that it counts for nothing when that was a page of another origin.
func tokenOf(r *http.Request) (string, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", errWhoIsThere()
		}
		return strings.TrimSpace(token), nil
	}
	c, err := r.Cookie(picloud.AdminCookie)
	if err != nil {
		return "", errWhoIsThere()
	}
	if http.NewCrossOriginProtection().Check(r) != nil {
		return "", picloud.Errorf(picloud.CodeForbidden, "the request comes from a page of another origin")
	}
	return c.Value, nil
}

func errWhoIsThere() error {
	return picloud.Errorf(picloud.CodeUnauthenticated, "an API key is needed, as a bearer token")
}

// caller finds the caller with a token, in memory if they were here before.
func (o *Orchestrator) caller(ctx context.Context, t *table, a *app, token string) (*knownCaller, error) {
	key := knownKey{sha256.Sum256([]byte(token)), a.ID}
	if c := t.callers.get(key); c != nil && o.cfg.Now().Before(c.until) {
		return c, nil
	}
	c, err := o.lookUp(ctx, a, token)
	if err != nil {
		return nil, err
	}
	t.callers.put(key, c)
	return c, nil
}

func (o *Orchestrator) lookUp(ctx context.Context, a *app, token string) (*knownCaller, error) {
	if o.cfg.Callers == nil {
		return nil, picloud.Errorf(picloud.CodeUnavailable, "this node cannot tell who calls")
	}
	select {
	case o.lookups <- struct{}{}:
		defer func() { <-o.lookups }()
	case <-ctx.Done():
		return nil, picloud.Errorf(picloud.CodeCanceled, "the client went away")
	}
	p, err := o.cfg.Callers.Authenticate(ctx, token)
	if err != nil {
		return nil, o.unknown(ctx, err)
	}
	in, err := o.cfg.Store.AppAccess(ctx, a.Name, p.User.ID)
	if err != nil {
		return nil, o.unknown(ctx, err)
	}
	c := &knownCaller{by: p, caller: picloud.CallerOf(p, in), until: p.Until}
	if again := o.cfg.Now().Add(sessionFor); p.Kind == picloud.PrincipalUser && again.Before(p.Until) {
		c.until = again
	}
	c.touched.Store(o.cfg.Now().Unix())
	if !access.Can(p, access.CallRoutes, in) {
		c.refused = picloud.Errorf(picloud.CodeForbidden, "you may not call this")
	}
	return c, nil
}

// unknown is the error for a caller who could not be looked up. That the
// database is away is no fault of theirs.
func (o *Orchestrator) unknown(ctx context.Context, err error) error {
	if picloud.ErrorCode(err) != picloud.CodeInternal {
		return err
	}
	o.cfg.Log.ErrorContext(ctx, "look up a caller", "err", err)
	return &picloud.Error{Code: picloud.CodeUnavailable, Message: "who calls cannot be told right now", RetryAfter: retryAfter, Err: err}
}

// touchTime is how long writing down the use of a key may take.
const touchTime = 5 * time.Second

// touch has the use of a key written down, once a minute. It is called when the
// answer is out: a caller does not wait for it.
func (o *Orchestrator) touch(ctx context.Context, c *knownCaller) {
	if c == nil || c.by.Kind != picloud.PrincipalKey {
		return
	}
	now, last := o.cfg.Now().Unix(), c.touched.Load()
	if now-last < int64(picloud.TouchKeyEvery.Seconds()) || !c.touched.CompareAndSwap(last, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTime)
	defer cancel()
	o.cfg.Callers.Touch(ctx, c.by)
}

// dropTokens takes PiCloud's own keys and sessions out of a header. Whoever
// sends one to a script that has no use for it must not give it away.
func dropTokens(h http.Header) {
	for _, v := range h["Authorization"] {
		scheme, token, _ := strings.Cut(v, " ")
		token = strings.TrimSpace(token)
		if strings.EqualFold(scheme, "Bearer") && (strings.HasPrefix(token, "pic_") || strings.HasPrefix(token, "pics_")) {
			delete(h, "Authorization")
			return
		}
	}
}
