// Package storetest is what every store must do, whatever engine it runs on:
// the contract of the interfaces in package picloud, as tests.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Store is all that a store offers.
type Store interface {
	picloud.Accounts
	picloud.Sessions
	picloud.Factors
	picloud.Identities
	picloud.Apps
	picloud.Domains
	picloud.Scripts
	picloud.Snapshots
	picloud.Records
	picloud.Nodes
	picloud.Users
	picloud.Members
	picloud.APIKeys
	picloud.Audits
	picloud.InstanceOptions
	picloud.Data
	picloud.MetricsReader
	picloud.QuotaKeeper
	picloud.Files
	picloud.Events
	picloud.Schedules
	picloud.Streams
	picloud.OutHostLists
	picloud.Secrets
	picloud.AsyncInvocations
	picloud.Answers
	picloud.Devices
}

// Exercise runs the contract. open makes an empty store with this clock, new for
// each call, and sees to its closing.
func Exercise(t *testing.T, open func(t *testing.T, now func() time.Time) Store) {
	for _, group := range []struct {
		name  string
		cases []testCase
	}{
		{"accounts", accountCases},
		{"sign-in", signinCases},
		{"users", userCases},
		{"members", memberCases},
		{"keys", keyCases},
		{"audit", auditCases},
		{"scripts", scriptCases},
		{"routes", routeCases},
		{"domains", domainCases},
		{"snapshots", snapshotCases},
		{"records", recordCases},
		{"packed records", packedCases},
		{"nodes", nodeCases},
		{"data", dataCases},
		{"webhook", webhookCases},
		{"streams", streamCases},
		{"devices", deviceCases},
		{"events", eventCases},
		{"async", asyncCases},
		{"answers", answerCases},
		{"metrics", metricsCases},
		{"schedules", scheduleCases},
		{"quotas", quotaCases},
		{"outbound", outboundCases},
		{"secrets", secretCases},
		{"files", fileCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					clock := &clock{}
					c.run(&fixture{T: t, Store: open(t, clock.now), ctx: t.Context(), ids: picloud.NewIDs(time.Now, rand.Reader), clock: clock})
				})
			}
		})
	}
}

// testCase is one promise, named as a sentence.
type testCase struct {
	name string
	run  func(f *fixture)
}

// fixture is a case's store with what keeps cases short.
type fixture struct {
	*testing.T
	Store
	ctx   context.Context
	ids   *picloud.IDs
	clock *clock
}

// clock is the store's: time.Now, until it is set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now()
	}
	return c.at
}

// set stops the clock at a time.
func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// ok ends the case on an error.
func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// code wants an error for users with a code.
func (f *fixture) code(err error, want picloud.Code) {
	f.Helper()
	var e *picloud.Error
	if !errors.As(err, &e) || e.Code != want {
		f.Fatalf("error %v, want code %s", err, want)
	}
}

// same wants two values to be equal.
func same[T comparable](f *fixture, what string, got, want T) {
	f.Helper()
	if got != want {
		f.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// deploy makes one script of the default app live.
func (f *fixture) deploy(name, source string, routes ...picloud.Route) picloud.Deployed {
	f.Helper()
	list, err := f.Deploy(f.ctx, picloud.Deployment{
		App: picloud.DefaultApp, By: "tester",
		Scripts: []picloud.ScriptDeploy{{Name: name, Source: source, Routes: routes}},
	})
	f.ok(err)
	same(f, "scripts deployed", len(list), 1)
	return list[0]
}

// tryRoute deploys a script on a route and is the error.
func (f *fixture) tryRoute(name string, routes ...picloud.Route) error {
	_, err := f.Deploy(f.ctx, picloud.Deployment{
		App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: name, Source: "1", Routes: routes}},
	})
	return err
}

// path is a route for any method.
func path(p string) picloud.Route { return picloud.Route{Path: p} }

// token is the hash of a secret.
func token(secret string) picloud.TokenHash { return sha256.Sum256([]byte(secret)) }
