package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/picloud/picloud/internal/picloud"
)

// ProviderCallback is the path on the admin listener to which a provider sends
// people back.
const ProviderCallback = "/login/oidc/callback"

// OIDC says how people sign in with an OpenID provider.
type OIDC struct {
	Issuer       string // its https address, as its tokens have it
	ClientID     string
	ClientSecret string // "" for a public client
	Name         string // for people; "" is the issuer's host

	// Invite lists the domains of e-mail addresses, or "*" for all, whose
	// holders become members when they first sign in. Nobody does when it is
	// empty: then a user must be there.
	Invite []string

	// RoleClaim names the claim of the ID token that says what somebody may
	// do, with dots between the parts of a path. "" leaves roles alone. Roles maps
	// its values: the highest that matches holds, and without one, member. It
	// makes and unmakes no owner.
	RoleClaim string
	Roles     map[string]picloud.Role
}

func (c OIDC) validate() error {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the issuer %q is not an address like https://id.example.org", c.Issuer)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopbackHost(u.Hostname())):
		return fmt.Errorf("the issuer %q has to be https", c.Issuer)
	case c.ClientID == "":
		return errors.New("the client id is missing")
	case (c.RoleClaim == "") != (len(c.Roles) == 0):
		return errors.New("the claim of roles and the roles that it maps to go together")
	}
	for value, role := range c.Roles {
		if role != picloud.RoleAdmin && role != picloud.RoleMember {
			return fmt.Errorf("%q cannot be mapped to %q: a provider makes people admin or member", value, role)
		}
	}
	return nil
}

// provider speaks with an OpenID provider. What it knows of it is found at the
// first use, so that a server starts without it.
type provider struct {
	cfg      OIDC
	redirect string
	now      func() time.Time
	client   *http.Client

	mu         sync.Mutex
	discovered *oidc.Provider
	failed     time.Time // when it was not found last
}

// retryDiscovery is how long one that was not found is not asked again.
const retryDiscovery = 10 * time.Second

func newProvider(cfg OIDC, admin *url.URL, now func() time.Time) (*provider, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("OpenID provider: %w", err)
	}
	if admin == nil {
		return nil, errors.New("OpenID provider: how browsers reach the admin listener is not known")
	}
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = issuer.Hostname()
	}
	return &provider{
		cfg: cfg, redirect: admin.Scheme + "://" + admin.Host + ProviderCallback, now: now,
		client: providerClient(issuer),
	}, nil
}

// discover finds the provider's endpoints and keys.
func (p *provider) discover() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.discovered != nil {
		return p.discovered, nil
	}
	away := func(err error) error {
		return &picloud.Error{Code: picloud.CodeUnavailable, Message: p.cfg.Name + " cannot be reached; try again soon", RetryAfter: retryDiscovery, Err: err}
	}
	if p.now().Sub(p.failed) < retryDiscovery {
		return nil, away(nil)
	}
	// Not the context of the request: what is found outlives it.
	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.cfg.Issuer)
	if err != nil {
		p.failed = p.now()
		return nil, away(err)
	}
	p.discovered = found
	return found, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.redirect, Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// providerState is what is remembered while somebody is at the provider.
type providerState struct {
	nonce, verifier string
	link            bool // to the challenge's user, who was signed in
}

// Provider is the name of the OpenID provider, for people; "" when there is none.
func (s *Service) Provider() string {
	if s.provider == nil {
		return ""
	}
	return s.provider.cfg.Name
}

// Departure is where to send a browser. State goes into a cookie of it, and
// must come back both there and in the address: so nobody can be made to finish
// what another one began.
type Departure struct {
	URL, State string
	ExpiresAt  time.Time
}

var errNoProvider = picloud.Errorf(picloud.CodeNotFound, "this server has no OpenID provider")

// BeginProvider starts a sign-in with the provider.
func (s *Service) BeginProvider(from Client) (Departure, error) {
	return s.depart(challenge{network: network(from.Address)})
}

// BeginLink starts linking the principal to their identity at the provider.
func (s *Service) BeginLink(ctx context.Context, p picloud.Principal, proof Proof) (Departure, error) {
	if s.provider == nil {
		return Departure{}, errNoProvider
	}
	if err := s.prove(ctx, p, proof); err != nil {
		return Departure{}, err
	}
	return s.depart(challenge{network: network(proof.Address), user: p.User, provider: providerState{link: true}})
}

func (s *Service) depart(ch challenge) (Departure, error) {
	if s.provider == nil {
		return Departure{}, errNoProvider
	}
	found, err := s.provider.discover()
	if err != nil {
		return Departure{}, err
	}
	nonce, _, err := newToken(s.rand, "")
	if err != nil {
		return Departure{}, err
	}
	ch.purpose = providerRoundTrip
	ch.provider.nonce, ch.provider.verifier = nonce, oauth2.GenerateVerifier()
	state, expires, err := s.challenges.add(ch)
	if err != nil {
		return Departure{}, err
	}
	address := s.provider.oauth(found).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(ch.provider.verifier))
	return Departure{URL: address, State: state, ExpiresAt: expires}, nil
}

// Return is what comes back from the provider.
type Return struct {
	State  string // of the address
	Cookie string // the State of the Departure, as the browser kept it
	Code   string
	Error  string // of the provider, in place of a code
}

// Arrival is what a return has led to.
type Arrival struct {
	SignedIn              // empty after a link
	User     picloud.User // who it is
	Linked   bool         // the identity was linked now
	Invited  bool         // the user was made now
	WasRole  picloud.Role // when it was changed: what it was before
}

// FinishProvider ends what BeginProvider or BeginLink began. It fails with
// CodeUnauthenticated when it is not what this browser began or took too long,
// with CodeInvalidCredentials when the provider's answer does not verify, and
// with CodeForbidden when it does and nobody here may be signed in by it.
func (s *Service) FinishProvider(ctx context.Context, in Return, from Client) (Arrival, error) {
	if s.provider == nil {
		return Arrival{}, errNoProvider
	}
	ch, err := s.challenges.look(in.State, providerRoundTrip)
	if err != nil {
		return Arrival{}, err
	}
	if subtle.ConstantTimeCompare([]byte(in.State), []byte(in.Cookie)) == 0 {
		return Arrival{}, errChallenge
	}
	if err := s.challenges.finish(in.State); err != nil {
		return Arrival{}, err
	}
	if in.Error != "" || in.Code == "" {
		return Arrival{}, picloud.Errorf(picloud.CodeForbidden, "%s did not sign you in (%s)", s.provider.cfg.Name, printable(in.Error, 100))
	}
	who, err := s.provider.identify(ctx, in.Code, ch.provider)
	if err != nil {
		return Arrival{}, err
	}
	if ch.provider.link {
		return s.arriveLinked(ctx, ch.user, who)
	}
	return s.arrive(ctx, who, from)
}

func badProvider(err error) error {
	return &picloud.Error{Code: picloud.CodeInvalidCredentials, Message: "the answer of the OpenID provider was not accepted", Err: err}
}

// claimed is what the provider says of somebody.
type claimed struct {
	picloud.Identity
	verified bool   // the address is theirs
	name     string // that they would like
	all      map[string]any
}

// identify exchanges the code for an ID token, and checks it: signature,
// issuer, audience and time by the library, the nonce and the authorised party
// here.
func (p *provider) identify(ctx context.Context, code string, st providerState) (claimed, error) {
	found, err := p.discover()
	if err != nil {
		return claimed{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.oauth(found).Exchange(ctx, code, oauth2.VerifierOption(st.verifier))
	if err != nil {
		return claimed{}, badProvider(scrub(err))
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return claimed{}, badProvider(err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(st.nonce)) == 0 {
		return claimed{}, badProvider(errors.New("the nonce is another one"))
	}
	var all map[string]any
	if err := id.Claims(&all); err != nil {
		return claimed{}, badProvider(err)
	}
	if azp, ok := all["azp"]; (ok || len(id.Audience) > 1) && azp != p.cfg.ClientID {
		return claimed{}, badProvider(errors.New("the token was made for another client"))
	}
	if _, ok := all["email"]; !ok {
		if err := p.askUserInfo(ctx, found, token, id.Subject, all); err != nil {
			return claimed{}, badProvider(err)
		}
	}
	return p.read(id, all), nil
}

// scrub takes from an error of the token endpoint what it answered: that may
// be a token.
func scrub(err error) error {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) {
		return fmt.Errorf("exchange the code: status %d, %q", e.Response.StatusCode, printable(e.ErrorCode, 60))
	}
	return fmt.Errorf("exchange the code: %w", err)
}

// askUserInfo adds the address where a provider has it there only.
func (p *provider) askUserInfo(ctx context.Context, found *oidc.Provider, token *oauth2.Token, subject string, all map[string]any) error {
	if found.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return err
	}
	if info.Subject != subject {
		return errors.New("the user info is about somebody else")
	}
	all["email"], all["email_verified"] = info.Email, info.EmailVerified
	return nil
}

func (p *provider) read(id *oidc.IDToken, all map[string]any) claimed {
	who := claimed{all: all, Identity: picloud.Identity{Issuer: id.Issuer, Subject: id.Subject}}
	text, _ := all["email"].(string)
	if email, err := picloud.NormalizeEmail(text); err == nil {
		who.Email = email
		who.verified = all["email_verified"] == true || all["email_verified"] == "true" // some send a string
	}
	who.name, _ = all["preferred_username"].(string)
	return who
}

// role is what the provider says that somebody may do; "" when it is not asked.
func (p *provider) role(all map[string]any) picloud.Role {
	if p.cfg.RoleClaim == "" {
		return ""
	}
	for _, value := range values(all, p.cfg.RoleClaim) {
		if p.cfg.Roles[value] == picloud.RoleAdmin {
			return picloud.RoleAdmin
		}
	}
	return picloud.RoleMember
}

// values are the texts at a claim, which may be one or a list. A claim whose
// name holds dots goes before a path.
func values(claims map[string]any, path string) []string {
	v, ok := claims[path]
	if !ok {
		first, rest, found := strings.Cut(path, ".")
		if inner, isMap := claims[first].(map[string]any); found && isMap {
			return values(inner, rest)
		}
		return nil
	}
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		list := []string{}
		for _, e := range v {
			if text, ok := e.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}

// arriveLinked links who was signed in.
func (s *Service) arriveLinked(ctx context.Context, u picloud.User, who claimed) (Arrival, error) {
	now, err := s.store.UserByName(ctx, u.ID)
	if err != nil {
		return Arrival{}, err
	}
	if !now.Active {
		return Arrival{}, errDeactivated
	}
	return Arrival{User: now, Linked: true}, s.store.LinkIdentity(ctx, u.ID, who.Identity)
}

// arrive signs in who is linked to the identity, or can be.
func (s *Service) arrive(ctx context.Context, who claimed, from Client) (a Arrival, err error) {
	a.User, err = s.store.IdentityUser(ctx, who.Issuer, who.Subject)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		a, err = s.firstArrival(ctx, who)
	}
	if err != nil {
		return a, err
	}
	if !a.User.Active {
		return a, errDeactivated
	}
	if a, err = s.applyRole(ctx, a, who); err != nil {
		return a, err
	}
	c, err := s.credentials(ctx, a.User)
	if err != nil {
		return a, err
	}
	a.SignedIn, err = s.proceed(ctx, c, from, nil)
	return a, err
}

// firstArrival links an identity that nobody is linked to: to the user with its
// address, when the provider vouches that the address is theirs. An address
// that nobody vouches for is only a claim, and would let anybody in.
func (s *Service) firstArrival(ctx context.Context, who claimed) (a Arrival, err error) {
	if who.Email == "" || !who.verified {
		return a, picloud.Errorf(picloud.CodeForbidden, "%s does not vouch for your e-mail address; verify it there, or sign in otherwise and link the identity", s.provider.cfg.Name)
	}
	a.User, err = s.store.LinkByEmail(ctx, who.Identity)
	switch {
	case err == nil:
		a.Linked = true
		return a, nil
	case !picloud.IsCode(err, picloud.CodeNotFound):
		return a, err
	case !s.provider.invites(who.Email):
		return a, picloud.Errorf(picloud.CodeForbidden, "there is no account for you here; ask an admin of this server for one")
	}
	return s.invite(ctx, who)
}

func (p *provider) invites(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return slices.ContainsFunc(p.cfg.Invite, func(d string) bool { return d == "*" || strings.EqualFold(d, domain) })
}

// nameTries is how many names are tried for somebody whose own are taken.
const nameTries = 20

// invite makes a user for somebody who is vouched for.
func (s *Service) invite(ctx context.Context, who claimed) (a Arrival, err error) {
	base := userName(who)
	for n := 1; n <= nameTries; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		_, err = s.store.UserByName(ctx, name)
		if err == nil {
			continue // taken
		}
		if !picloud.IsCode(err, picloud.CodeNotFound) {
			return a, err
		}
		if _, err = s.store.CreateUser(ctx, "", picloud.NewUser{Username: name, Email: who.Email, Role: picloud.RoleMember}); err != nil {
			return a, err
		}
		// Linked as any other is, with all that is checked there.
		a.User, err = s.store.LinkByEmail(ctx, who.Identity)
		a.Linked, a.Invited = err == nil, err == nil
		return a, err
	}
	return a, picloud.Errorf(picloud.CodeConflict, "no user name is free for you; ask an admin of this server for an account")
}

// userName is a name for somebody: the one that they have at the provider, or
// what their address begins with.
func userName(who claimed) string {
	local, _, _ := strings.Cut(who.Email, "@")
	for _, wanted := range []string{who.name, local} {
		if name, err := picloud.NormalizeUsername(wanted); err == nil {
			return name
		}
	}
	return "user"
}

// applyRole gives the user the role that the provider says. An owner stays one,
// and so does the last admin.
func (s *Service) applyRole(ctx context.Context, a Arrival, who claimed) (Arrival, error) {
	want := s.provider.role(who.all)
	if want == "" || want == a.User.Role || a.User.Role == picloud.RoleOwner {
		return a, nil
	}
	before, after, err := s.store.ChangeUser(ctx, "", a.User.ID, picloud.UserChange{Role: &want})
	if picloud.IsCode(err, picloud.CodeLastAdmin) || picloud.IsCode(err, picloud.CodeLastOwner) {
		s.log.WarnContext(ctx, "the provider's role is not applied: nobody else is in charge", "user", a.User.Username, "role", want)
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.User, a.WasRole = after, before.Role
	return a, nil
}

// credentials are those of a user, who may have no password.
func (s *Service) credentials(ctx context.Context, u picloud.User) (picloud.Credentials, error) {
	c, err := s.store.CredentialsOf(ctx, u.Username)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return picloud.Credentials{User: u}, nil
	}
	return c, err
}

// Identities lists the principal's identities at providers.
func (s *Service) Identities(ctx context.Context, p picloud.Principal) ([]picloud.Identity, error) {
	return s.store.ListIdentities(ctx, p.User.ID)
}

// Unlink removes one of the principal's identities.
func (s *Service) Unlink(ctx context.Context, p picloud.Principal, issuer, subject string, proof Proof) error {
	if err := s.prove(ctx, p, proof); err != nil {
		return err
	}
	return s.store.UnlinkIdentity(ctx, p.User.ID, issuer, subject)
}
