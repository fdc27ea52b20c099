package storetest

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var domainCases = []testCase{
	{"a new domain waits for its proof and leads nowhere", func(f *fixture) {
		d, err := f.AddDomain(f.ctx, picloud.NewDomain{App: picloud.DefaultApp, Name: "shop.example", Challenge: "c1", By: "ada"})
		f.ok(err)
		same(f, "name", d.Name, "shop.example")
		same(f, "app", d.App, picloud.DefaultApp)
		same(f, "challenge", d.Challenge, "c1")
		same(f, "by", d.CreatedBy, "ada")
		same(f, "made", time.Since(d.CreatedAt) < time.Hour, true)
		same(f, "verified", d.Verified(), false)
		same(f, "verified by", d.VerifiedBy, "")
		got, err := f.DomainByName(f.ctx, picloud.DefaultApp, "shop.example")
		f.ok(err)
		same(f, "domain", got, d)
		same(f, "live domains", f.live(), "")
	}},
	{"a verified domain is live at its app, and verifying it again changes nothing", func(f *fixture) {
		f.domain(picloud.DefaultApp, "b.example")
		d, err := f.VerifyDomain(f.ctx, picloud.DefaultApp, "b.example", "b.example@default", picloud.ProofDNS)
		f.ok(err)
		same(f, "verified", d.Verified(), true)
		same(f, "verified by", d.VerifiedBy, picloud.ProofDNS)
		f.verified(picloud.DefaultApp, "a.example")
		same(f, "live domains", f.live(), "a.example=default b.example=default")
		again, err := f.VerifyDomain(f.ctx, picloud.DefaultApp, "b.example", "b.example@default", picloud.ProofHTTP)
		f.ok(err)
		same(f, "domain", again, d)
	}},
	{"a removed domain leads nowhere at once, and can be added anew with another challenge", func(f *fixture) {
		f.verified(picloud.DefaultApp, "a.example")
		var live []string
		cancel := f.Subscribe(func(context.Context, picloud.Change) { live = append(live, f.live()) })
		defer cancel()
		f.ok(f.DeleteDomain(f.ctx, picloud.DefaultApp, "a.example"))
		same(f, "changes heard", len(live), 1)
		same(f, "live domains when it was heard", live[0], "")
		f.code(f.DeleteDomain(f.ctx, picloud.DefaultApp, "a.example"), picloud.CodeNotFound)
		_, err := f.DomainByName(f.ctx, picloud.DefaultApp, "a.example")
		f.code(err, picloud.CodeNotFound)
		d, err := f.AddDomain(f.ctx, picloud.NewDomain{App: picloud.DefaultApp, Name: "a.example", Challenge: "other"})
		f.ok(err)
		same(f, "verified", d.Verified(), false)
		_, err = f.VerifyDomain(f.ctx, picloud.DefaultApp, "a.example", "a.example@default", picloud.ProofDNS)
		f.code(err, picloud.CodeConflict)
		same(f, "live domains", f.live(), "")
	}},
	{"an app has a domain once", func(f *fixture) {
		f.domain(picloud.DefaultApp, "a.example")
		_, err := f.AddDomain(f.ctx, picloud.NewDomain{App: picloud.DefaultApp, Name: "a.example", Challenge: "other"})
		f.code(err, picloud.CodeConflict)
		d, err := f.DomainByName(f.ctx, picloud.DefaultApp, "a.example")
		f.ok(err)
		same(f, "challenge", d.Challenge, "a.example@default")
	}},
	{"asking for a domain keeps nobody from it; proving it does", func(f *fixture) {
		f.app("squatter")
		f.app("rightful")
		f.domain("squatter", "a.example")
		f.domain("rightful", "a.example")
		f.verified(picloud.DefaultApp, "b.example")
		_, err := f.VerifyDomain(f.ctx, "rightful", "a.example", "a.example@rightful", picloud.ProofDNS)
		f.ok(err)
		_, err = f.VerifyDomain(f.ctx, "squatter", "a.example", "a.example@squatter", picloud.ProofDNS)
		f.code(err, picloud.CodeConflict)
		_, err = f.AddDomain(f.ctx, picloud.NewDomain{App: "squatter", Name: "b.example", Challenge: "c"})
		f.code(err, picloud.CodeConflict)
		same(f, "live domains", f.live(), "a.example=rightful b.example=default")
		f.ok(f.DeleteDomain(f.ctx, "squatter", "a.example"))
		same(f, "live domains", f.live(), "a.example=rightful b.example=default")
	}},
	{"another app's domain cannot be read, verified or removed", func(f *fixture) {
		f.app("shop")
		f.verified("shop", "a.example")
		_, err := f.DomainByName(f.ctx, picloud.DefaultApp, "a.example")
		f.code(err, picloud.CodeNotFound)
		_, err = f.VerifyDomain(f.ctx, picloud.DefaultApp, "a.example", "a.example@shop", picloud.ProofDNS)
		f.code(err, picloud.CodeNotFound)
		f.code(f.DeleteDomain(f.ctx, picloud.DefaultApp, "a.example"), picloud.CodeNotFound)
		list, err := f.ListDomains(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "domains", len(list), 0)
		_, err = f.ListDomains(f.ctx, "nobody")
		f.code(err, picloud.CodeNotFound)
		_, err = f.AddDomain(f.ctx, picloud.NewDomain{App: "nobody", Name: "c.example", Challenge: "c"})
		f.code(err, picloud.CodeNotFound)
	}},
	{"an app has so many domains and no more", func(f *fixture) {
		for i := range picloud.MaxDomains {
			f.domain(picloud.DefaultApp, "d"+strconv.Itoa(i)+".example")
		}
		_, err := f.AddDomain(f.ctx, picloud.NewDomain{App: picloud.DefaultApp, Name: "more.example", Challenge: "c"})
		f.code(err, picloud.CodeConflict)
		f.ok(f.DeleteDomain(f.ctx, picloud.DefaultApp, "d0.example"))
		f.domain(picloud.DefaultApp, "more.example")
		list, err := f.ListDomains(f.ctx, picloud.DefaultApp)
		f.ok(err)
		same(f, "domains", len(list), picloud.MaxDomains)
	}},
	{"of those who prove a domain at once, one has it", func(f *fixture) {
		apps := []string{"one", "two", "three", "four"}
		for _, a := range apps {
			f.app(a)
			f.domain(a, "a.example")
		}
		errs := make([]error, len(apps))
		var proving sync.WaitGroup
		for i, a := range apps {
			proving.Go(func() { _, errs[i] = f.VerifyDomain(f.ctx, a, "a.example", "a.example@"+a, picloud.ProofDNS) })
		}
		proving.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			f.code(err, picloud.CodeConflict)
		}
		same(f, "apps that have it", won, 1)
	}},
}

// app makes an app.
func (f *fixture) app(name string) {
	f.Helper()
	_, err := f.CreateApp(f.ctx, name)
	f.ok(err)
}

// domain adds a domain whose challenge is name@app.
func (f *fixture) domain(app, name string) {
	f.Helper()
	_, err := f.AddDomain(f.ctx, picloud.NewDomain{App: app, Name: name, Challenge: name + "@" + app, By: "tester"})
	f.ok(err)
}

// verified adds a domain and verifies it.
func (f *fixture) verified(app, name string) {
	f.Helper()
	f.domain(app, name)
	_, err := f.VerifyDomain(f.ctx, app, name, name+"@"+app, picloud.ProofHTTP)
	f.ok(err)
}

// live is the domains of the snapshot with their apps.
func (f *fixture) live() string {
	f.Helper()
	snap, err := f.Snapshot(f.ctx)
	f.ok(err)
	var list []string
	for _, d := range snap.Domains {
		list = append(list, d.Name+"="+d.App)
	}
	return strings.Join(list, " ")
}
