package manager

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/domains"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/testenv"
)

const domainsPath = "/api/v1/apps/default/domains"

// newResolved is an owned fixture whose domains are looked up at a name server
// of the test.
func newResolved(t *testing.T) (*fixture, *testenv.DNS) {
	t.Helper()
	f := newOwned(t)
	dns := testenv.StartDNS(t)
	f.m.checker = domains.NewChecker(domains.Config{Resolver: dns.Addr})
	f.m.public = &url.URL{Scheme: "https", Host: "apps.example.net"}
	return f, dns
}

func (f *fixture) addDomain(app, name string) api.Domain {
	f.Helper()
	var d api.Domain
	f.want(request{path: "/api/v1/apps/" + app + "/domains", body: api.NewDomain{Name: name}}, http.StatusCreated, &d)
	return d
}

func TestADomainFromAddingToRemoval(t *testing.T) {
	t.Parallel()
	f, dns := newResolved(t)
	d := f.addDomain("default", "Bücher.Example.")
	if d.Name != "xn--bcher-kva.example" || d.App != "default" || d.Verified || d.CreatedBy != "ada" || d.Proof == nil {
		t.Fatalf("added %+v", d)
	}
	p := *d.Proof
	if p.RecordName != "_picloud-challenge.xn--bcher-kva.example" || p.RecordValue == "" || p.RecordValue != p.Body ||
		!strings.HasPrefix(p.URL, "http://xn--bcher-kva.example/.well-known/picloud-challenge/") || strings.Contains(p.URL, p.Body) {
		t.Errorf("proof %+v", p)
	}
	verify := request{path: domainsPath + "/bücher.example/verify", body: api.VerifyDomain{}}
	problem := f.fails(verify, http.StatusUnprocessableEntity, picloud.CodeDomainUnproved)
	if !strings.Contains(problem.Detail, p.RecordName) || !strings.Contains(problem.Detail, p.URL) {
		t.Errorf("the problem does not say what was looked for: %s", problem.Detail)
	}
	dns.Text(p.RecordName, p.RecordValue)
	var after, again api.Domain
	f.want(verify, http.StatusOK, &after)
	if !after.Verified || after.VerifiedBy != picloud.ProofDNS || after.VerifiedAt.IsZero() || after.Proof != nil {
		t.Errorf("verified %+v", after)
	}
	dns.Text(p.RecordName)
	f.want(verify, http.StatusOK, &again) // it stays so without its record
	var list api.Domains
	f.want(request{path: domainsPath}, http.StatusOK, &list)
	if len(list.Domains) != 1 || list.Domains[0] != after || again != after {
		t.Errorf("listed %+v", list)
	}
	f.want(request{method: http.MethodDelete, path: domainsPath + "/xn--bcher-kva.example"}, http.StatusNoContent, nil)
	f.fails(request{path: domainsPath + "/xn--bcher-kva.example"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{method: http.MethodDelete, path: domainsPath + "/xn--bcher-kva.example"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(verify, http.StatusNotFound, picloud.CodeNotFound)
	// Added anew, it takes a new proof.
	dns.Text(p.RecordName, p.RecordValue)
	if d := f.addDomain("default", "bücher.example"); d.Verified || d.Proof.RecordValue == p.RecordValue {
		t.Errorf("added again: %+v", d)
	}
	f.fails(verify, http.StatusUnprocessableEntity, picloud.CodeDomainUnproved)
}

func TestDomainsThatAreRefused(t *testing.T) {
	t.Parallel()
	f, dns := newResolved(t)
	_, err := f.store.CreateApp(t.Context(), "shop")
	f.ok(err)
	for _, name := range []string{"", "localhost", "x.localhost", "127.0.0.1", "*.example.org", "apps.example.net", "shop.apps.example.net", "https://example.org", "example.org/x", "a..b", "\u0000.example", "intranet"} {
		p := f.fails(request{path: domainsPath, body: api.NewDomain{Name: name}}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Pointer != "#/name" {
			t.Errorf("%q: errors %+v", name, p.Errors)
		}
	}
	f.fails(request{path: "/api/v1/apps/nobody/domains", body: api.NewDomain{Name: "a.example"}}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: "/api/v1/apps/nobody/domains"}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: domainsPath + "/never.example/verify", body: api.VerifyDomain{}}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: domainsPath + "/..%2f/verify", body: api.VerifyDomain{}}, http.StatusNotFound, picloud.CodeNotFound)

	// A name that another app has asked for is free; one that it has proved is not.
	theirs := f.addDomain("shop", "taken.example")
	mine := f.addDomain("default", "taken.example")
	f.fails(request{path: domainsPath, body: api.NewDomain{Name: "TAKEN.example"}}, http.StatusConflict, picloud.CodeConflict)
	if theirs.Proof.RecordValue == mine.Proof.RecordValue {
		t.Fatal("two apps have one proof")
	}
	dns.Text(theirs.Proof.RecordName, theirs.Proof.RecordValue)
	f.fails(request{path: domainsPath + "/taken.example/verify", body: api.VerifyDomain{}}, http.StatusUnprocessableEntity, picloud.CodeDomainUnproved)
	f.want(request{path: "/api/v1/apps/shop/domains/taken.example/verify", body: api.VerifyDomain{By: picloud.ProofDNS}}, http.StatusOK, nil)
	dns.Text(mine.Proof.RecordName, mine.Proof.RecordValue)
	p := f.fails(request{path: domainsPath + "/taken.example/verify", body: api.VerifyDomain{}}, http.StatusConflict, picloud.CodeConflict)
	if strings.Contains(p.Detail, "shop") {
		t.Errorf("the problem names the other app: %s", p.Detail)
	}
	f.want(request{method: http.MethodDelete, path: domainsPath + "/taken.example"}, http.StatusNoContent, nil)
	p = f.fails(request{path: domainsPath, body: api.NewDomain{Name: "taken.example"}}, http.StatusConflict, picloud.CodeConflict)
	if strings.Contains(p.Detail, "shop") {
		t.Errorf("the problem names the other app: %s", p.Detail)
	}
	f.fails(request{path: domainsPath + "/taken.example/verify", body: `{"by":"magic"}`}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
}

func TestVouchingIsForWhoManagesTheInstance(t *testing.T) {
	t.Parallel()
	f, _ := newResolved(t)
	f.addDomain("default", "nas.home.lan")
	var d api.Domain
	f.want(request{path: domainsPath + "/nas.home.lan/verify", body: api.VerifyDomain{By: picloud.ProofVouch}}, http.StatusOK, &d)
	if !d.Verified || d.VerifiedBy != picloud.ProofVouch {
		t.Errorf("vouched for %+v", d)
	}
	member := picloud.Principal{Kind: picloud.PrincipalUser, User: picloud.User{Role: picloud.RoleMember, Active: true}}
	_, err := f.m.proved(t.Context(), member, picloud.Domain{Name: "a.example", Challenge: "c"}, picloud.ProofVouch)
	if !picloud.IsCode(err, picloud.CodeForbidden) {
		t.Errorf("a member vouches: %v", err)
	}
}
