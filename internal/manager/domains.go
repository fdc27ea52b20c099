package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/domains"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerDomains() {
	register(m, operation{
		id: "list-domains", method: http.MethodGet, path: "/apps/{app}/domains", tag: "domains", capability: access.ReadDomains,
		summary: "List an app's custom domains",
	}, m.listDomains)
	register(m, operation{
		id: "add-domain", method: http.MethodPost, path: "/apps/{app}/domains", tag: "domains", capability: access.WriteDomains,
		summary: "Add a custom domain, which leads nowhere until it is verified",
	}, m.addDomain)
	register(m, operation{
		id: "get-domain", method: http.MethodGet, path: "/apps/{app}/domains/{domain}", tag: "domains", capability: access.ReadDomains,
		summary: "Show a custom domain and how to prove it",
	}, m.getDomain)
	register(m, operation{
		id: "verify-domain", method: http.MethodPost, path: "/apps/{app}/domains/{domain}/verify", tag: "domains", capability: access.WriteDomains,
		summary: "Look for the proof of a domain and, when it is there, make it lead to the app",
	}, m.verifyDomain)
	register(m, operation{
		id: "remove-domain", method: http.MethodDelete, path: "/apps/{app}/domains/{domain}", tag: "domains", capability: access.WriteDomains,
		summary: "Remove a custom domain; it leads nowhere from then on",
	}, m.removeDomain)
}

type domainsOutput struct{ Body api.Domains }

func (m *Manager) listDomains(ctx context.Context, _ picloud.Principal, in *AppPath) (*domainsOutput, error) {
	list, err := m.store.ListDomains(ctx, in.App)
	if err != nil {
		return nil, err
	}
	out := &domainsOutput{Body: api.Domains{Domains: make([]api.Domain, len(list))}}
	for i, d := range list {
		out.Body.Domains[i] = m.domainOf(d)
	}
	return out, nil
}

type newDomainInput struct {
	AppPath
	Body api.NewDomain
}

type domainOutput struct {
	Status int
	Body   api.Domain
}

func (m *Manager) addDomain(ctx context.Context, p picloud.Principal, in *newDomainInput) (*domainOutput, error) {
	name, err := domains.Normalize(in.Body.Name, domains.Base(m.public))
	if err != nil {
		return nil, err
	}
	challenge, err := domains.NewChallenge(nil)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(name)
	d, err := m.store.AddDomain(ctx, picloud.NewDomain{App: in.App, Name: name, Challenge: challenge, By: p.User.Username})
	if err != nil {
		return nil, err
	}
	return &domainOutput{Status: http.StatusCreated, Body: m.domainOf(d)}, nil
}

// DomainPath is a domain of an app in a path.
type DomainPath struct {
	AppPath
	Domain string `path:"domain"`
}

// name is the domain as it is kept. What is no domain cannot be one of an
// app's; one that was kept before the base domain changed still is.
func (in DomainPath) name() (string, error) {
	name, err := domains.Normalize(in.Domain, "")
	if err != nil {
		return "", picloud.NotFound("domain", in.Domain)
	}
	return name, nil
}

func (m *Manager) domain(ctx context.Context, in DomainPath) (picloud.Domain, error) {
	name, err := in.name()
	if err != nil {
		return picloud.Domain{}, err
	}
	return m.store.DomainByName(ctx, in.App, name)
}

func (m *Manager) getDomain(ctx context.Context, _ picloud.Principal, in *DomainPath) (*domainOutput, error) {
	d, err := m.domain(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &domainOutput{Status: http.StatusOK, Body: m.domainOf(d)}, nil
}

type verifyInput struct {
	DomainPath
	Body api.VerifyDomain
}

func (m *Manager) verifyDomain(ctx context.Context, p picloud.Principal, in *verifyInput) (*domainOutput, error) {
	d, err := m.domain(ctx, in.DomainPath)
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(d.Name).before(map[string]any{"verified": d.Verified()})
	if !d.Verified() {
		by, err := m.proved(ctx, p, d, in.Body.By)
		if err != nil {
			return nil, err
		}
		if d, err = m.store.VerifyDomain(ctx, in.App, d.Name, d.Challenge, by); err != nil {
			return nil, err
		}
	}
	auditing(ctx).after(map[string]any{"verified": d.Verified(), "verified_by": d.VerifiedBy})
	return &domainOutput{Status: http.StatusOK, Body: m.domainOf(d)}, nil
}

// proved is how a domain is proved, if it is.
func (m *Manager) proved(ctx context.Context, p picloud.Principal, d picloud.Domain, by picloud.ProofKind) (picloud.ProofKind, error) {
	if by == picloud.ProofVouch {
		return by, access.Authorize(p, access.VouchDomains, picloud.AppAccess{})
	}
	return m.checker.Check(ctx, d.Name, d.Challenge, by)
}

func (m *Manager) removeDomain(ctx context.Context, _ picloud.Principal, in *DomainPath) (*nothing, error) {
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	auditing(ctx).target(name)
	return nil, m.store.DeleteDomain(ctx, in.App, name)
}

func (m *Manager) domainOf(d picloud.Domain) api.Domain {
	out := api.Domain{
		Name: d.Name, App: d.App, Verified: d.Verified(), VerifiedBy: d.VerifiedBy, VerifiedAt: d.VerifiedAt,
		CreatedBy: d.CreatedBy, CreatedAt: d.CreatedAt,
	}
	if !d.Verified() {
		proof := domains.Proof(d.Name, d.Challenge)
		out.Proof = &api.DomainProof{
			RecordName: domains.RecordName(d.Name), RecordValue: proof,
			URL: domains.URL(d.Name, d.Challenge), Body: proof,
		}
	}
	return out
}
