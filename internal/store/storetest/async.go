package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var asyncCases = []testCase{
	{"a request is entered with its event, run, and its result kept", func(f *fixture) {
		sc := f.deploy("later", "1").Script
		f.ok(f.accept(sc, "a", 0))
		a, response, err := f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "state", a.State, picloud.AsyncWaiting)
		same(f, "response", len(response), 0)
		same(f, "what it is", words(a.Script, a.Auth, a.Method, a.Path, a.Runs, a.EndedAt.IsZero(), a.ExpiresAt.IsZero()), "later key POST /later 0 true true")

		e := f.claim("node", 1)[0]
		same(f, "event", words(e.ID, e.Trigger, string(e.Body)), "a async body")
		a, _, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "state", a.State, picloud.AsyncRunning)
		same(f, "runs", a.Runs, 1)

		// A run that failed, and the next.
		f.ok(f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Settle: []picloud.Settlement{{EventID: "a", Claim: "node", RetryAt: time.Now().Add(-time.Second), Error: "no"}},
			AsyncRun: &picloud.AsyncRun{ID: "a", State: picloud.AsyncWaiting, Runs: 1, InvocationID: "inv-1", Error: "no"}}))
		a, _, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "after a failure", words(a.State, a.Runs, a.InvocationID, a.Error), "waiting 1 inv-1 no")
		f.claim("node", 1)
		f.ok(f.finish(sc, "a", picloud.AsyncDone, "the response"))
		a, response, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "the end", words(a.State, a.Runs, a.HTTPStatus, string(response)), "done 2 200 the response")
		same(f, "kept for a day", a.ExpiresAt.Sub(a.EndedAt), 24*time.Hour)
		_, _, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "b")
		f.code(err, picloud.CodeNotFound)
		f.app("other")
		_, _, err = f.AsyncByID(f.ctx, "other", "a")
		f.code(err, picloud.CodeNotFound)
	}},
	{"what has ended is forgotten when its time is over", func(f *fixture) {
		sc := f.deploy("later", "1").Script
		o := picloud.DefaultOptions()
		o.ResultHours = 2
		_, err := f.PutOptions(f.ctx, o)
		f.ok(err)
		for _, id := range []string{"a", "b"} {
			f.ok(f.accept(sc, id, 0))
		}
		f.claim("node", 1)
		f.ok(f.finish(sc, "a", picloud.AsyncDone, "x"))
		n, err := f.SweepAsync(f.ctx, time.Now().Add(119*time.Minute))
		f.ok(err)
		same(f, "swept too early", n, 0)
		n, err = f.SweepAsync(f.ctx, time.Now().Add(121*time.Minute))
		f.ok(err)
		same(f, "swept", n, 1)
		_, _, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.code(err, picloud.CodeNotFound)
		_, _, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "b")
		f.ok(err)
	}},
	{"a request that waits or runs can be cancelled, and its run changes nothing", func(f *fixture) {
		sc := f.deploy("later", "1").Script
		f.ok(f.accept(sc, "a", time.Hour))
		a, err := f.CancelAsync(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "state", a.State, picloud.AsyncCancelled)
		same(f, "claimed", len(f.claim("node", 9)), 0)
		_, err = f.CancelAsync(f.ctx, picloud.DefaultApp, "a")
		f.code(err, picloud.CodeConflict)

		f.ok(f.accept(sc, "b", 0))
		f.claim("node", 1)
		_, err = f.CancelAsync(f.ctx, picloud.DefaultApp, "b")
		f.ok(err)
		f.code(f.finish(sc, "b", picloud.AsyncDone, "x"), picloud.CodeConflict)
		a, response, err := f.AsyncByID(f.ctx, picloud.DefaultApp, "b")
		f.ok(err)
		same(f, "after its run", words(a.State, len(response), a.Runs), "cancelled 0 1")
		_, err = f.CancelAsync(f.ctx, picloud.DefaultApp, "none")
		f.code(err, picloud.CodeNotFound)
	}},
	{"one that was given up has failed, until it is tried anew", func(f *fixture) {
		sc := f.deploy("later", "1").Script
		f.ok(f.accept(sc, "a", 0))
		f.claim("node", 1)
		f.ok(f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Settle: []picloud.Settlement{{EventID: "a", Claim: "node", Dead: true, Error: "no"}},
			AsyncRun: &picloud.AsyncRun{ID: "a", State: picloud.AsyncFailed, Runs: 1, HTTPStatus: 500, Error: "no", Response: []byte("r")}}))
		a, response, err := f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "given up", words(a.State, a.HTTPStatus, string(response)), "failed 500 r")
		f.ok(f.RedriveEvent(f.ctx, picloud.DefaultApp, "a", "", nil))
		a, response, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "tried anew", words(a.State, a.HTTPStatus, len(response), a.EndedAt.IsZero()), "waiting 0 0 true")
		n, err := f.SweepAsync(f.ctx, time.Now().Add(1000*time.Hour))
		f.ok(err)
		same(f, "swept while it waits", n, 0)
		f.claim("node", 1)
		f.ok(f.finish(sc, "a", picloud.AsyncDone, "x"))
		a, _, err = f.AsyncByID(f.ctx, picloud.DefaultApp, "a")
		f.ok(err)
		same(f, "in the end", a.State, picloud.AsyncDone)
	}},
	{"one whose event was removed was cancelled, and is forgotten in time", func(f *fixture) {
		sc := f.deploy("later", "1").Script
		f.ok(f.accept(sc, "a", 0))
		f.ok(f.accept(sc, "b", 0))
		f.ok(f.DropEvent(f.ctx, picloud.DefaultApp, "a"))
		f.ok(f.DeleteScript(f.ctx, picloud.DefaultApp, "later"))
		for _, id := range []string{"a", "b"} {
			a, _, err := f.AsyncByID(f.ctx, picloud.DefaultApp, id)
			f.ok(err)
			same(f, "state of "+id, a.State, picloud.AsyncCancelled)
		}
		_, err := f.SweepAsync(f.ctx, time.Now())
		f.ok(err)
		n, err := f.SweepAsync(f.ctx, time.Now().Add(25*time.Hour))
		f.ok(err)
		same(f, "forgotten", n, 2)
	}},
	{"lists go back in time, page by page", func(f *fixture) {
		one, two := f.deploy("one", "1").Script, f.deploy("two", "2").Script
		for i := range 5 {
			f.ok(f.accept(one, fmt.Sprintf("a%d", i), 0))
		}
		f.ok(f.accept(two, "b", 0))
		page, err := f.ListAsync(f.ctx, picloud.AsyncQuery{App: picloud.DefaultApp, Script: "one", Limit: 3})
		f.ok(err)
		rest, err := f.ListAsync(f.ctx, picloud.AsyncQuery{App: picloud.DefaultApp, Script: "one", Limit: 3, Before: page[2].ID})
		f.ok(err)
		seen := map[string]bool{}
		for _, a := range append(page, rest...) {
			seen[a.ID] = true
		}
		same(f, "pages", words(len(page), len(rest), len(seen)), "3 2 5")
		all, err := f.ListAsync(f.ctx, picloud.AsyncQuery{App: picloud.DefaultApp})
		f.ok(err)
		same(f, "of all scripts", len(all), 6)
	}},
}

// accept enters a request that is to be answered later.
func (f *fixture) accept(sc picloud.Script, id string, delay time.Duration) error {
	e := picloud.NewEvent{ID: id, ScriptID: sc.ID, Trigger: picloud.TriggerAsync, Source: "POST /later", Kind: picloud.ValueBytes, Body: []byte("body")}
	if delay > 0 {
		e.DueAt = time.Now().Add(delay)
	}
	return f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Events: []picloud.NewEvent{e},
		Async: &picloud.NewAsync{ID: id, ScriptID: sc.ID, Script: sc.Name, Auth: picloud.AuthKey, Method: "POST", Path: "/later"}})
}

// finish ends a request that the node has claimed.
func (f *fixture) finish(sc picloud.Script, id string, state picloud.AsyncState, response string) error {
	return f.Commit(f.ctx, picloud.Commit{AppID: sc.AppID, Settle: []picloud.Settlement{{EventID: id, Claim: "node"}},
		AsyncRun: &picloud.AsyncRun{ID: id, State: state, Runs: 2, InvocationID: "inv-2", HTTPStatus: 200, Response: []byte(response)}})
}

var answerCases = []testCase{
	{"a request is held, answered, and answered again", func(f *fixture) {
		app := f.answering()
		f.ok(f.hold(app, "k", "one", "me", time.Minute))
		f.code(f.hold(app, "k", "one", "you", time.Minute), picloud.CodeInFlight)
		f.code(f.hold(app, "k", "two", "you", time.Minute), picloud.CodeKeyReused)
		f.ok(f.hold(app, "other", "one", "you", time.Minute))
		f.ok(f.hold(f.newApp(), "k", "two", "you", time.Minute))

		f.code(f.answer(app, "k", "you", "lie"), picloud.CodeUnavailable)
		f.ok(f.answer(app, "k", "me", "the answer"))
		same(f, "what it changed", f.version(app, "answered") > 0, true)
		f.code(f.answer(app, "k", "me", "twice"), picloud.CodeUnavailable)
		got, err := f.HoldAnswer(f.ctx, app, key("k", "one"), "you", "node", time.Now().Add(time.Minute))
		f.ok(err)
		same(f, "answered again", string(got), "the answer")
		_, err = f.HoldAnswer(f.ctx, app, key("k", "two"), "you", "node", time.Now().Add(time.Minute))
		f.code(err, picloud.CodeKeyReused)
	}},
	{"one that was given up can be tried again", func(f *fixture) {
		app := f.answering()
		f.ok(f.hold(app, "k", "one", "me", time.Minute))
		f.ok(f.ReleaseAnswer(f.ctx, app, []byte("k"), "you")) // is not theirs
		f.code(f.hold(app, "k", "one", "you", time.Minute), picloud.CodeInFlight)
		f.ok(f.ReleaseAnswer(f.ctx, app, []byte("k"), "me"))
		f.ok(f.hold(app, "k", "two", "you", time.Minute))
		f.ok(f.answer(app, "k", "you", "x"))
		f.ok(f.ReleaseAnswer(f.ctx, app, []byte("k"), "you")) // is answered: it stays
		f.code(f.hold(app, "k", "three", "you", time.Minute), picloud.CodeKeyReused)
	}},
	{"a holder that does not come back holds nobody up for ever", func(f *fixture) {
		app := f.answering()
		f.ok(f.hold(app, "k", "one", "me", -time.Second))
		f.ok(f.hold(app, "k", "one", "you", time.Minute))
		f.code(f.answer(app, "k", "me", "late"), picloud.CodeUnavailable)
		same(f, "what the late one changed", f.version(app, "answered"), 0)
		f.ok(f.answer(app, "k", "you", "x"))

		f.ok(f.hold(app, "crashed", "one", "me", time.Hour))
		n, err := f.ReleaseAnswers(f.ctx, "another node")
		f.ok(err)
		same(f, "released of another node", n, 0)
		n, err = f.ReleaseAnswers(f.ctx, "node")
		f.ok(err)
		same(f, "released", n, 1)
		f.ok(f.hold(app, "crashed", "one", "me", time.Hour))
		n, err = f.ReleaseAnswers(f.ctx, "")
		f.ok(err)
		same(f, "released of all", n, 1)
		f.code(f.hold(app, "k", "two", "you", time.Minute), picloud.CodeKeyReused) // the answered one stays
	}},
	{"answers are forgotten in time", func(f *fixture) {
		app := f.answering()
		o := picloud.DefaultOptions()
		o.IdempotencyHours = 1
		_, err := f.PutOptions(f.ctx, o)
		f.ok(err)
		f.ok(f.hold(app, "k", "one", "me", time.Minute))
		f.ok(f.answer(app, "k", "me", "x"))
		n, err := f.SweepAnswers(f.ctx, time.Now().Add(59*time.Minute))
		f.ok(err)
		same(f, "too early", n, 0)
		n, err = f.SweepAnswers(f.ctx, time.Now().Add(61*time.Minute))
		f.ok(err)
		same(f, "forgotten", n, 1)
		f.ok(f.hold(app, "k", "two", "me", time.Minute))
	}},
	{"of many at once one is held", func(f *fixture) {
		app := f.answering()
		same(f, "held", f.race(func() error { return f.hold(app, "k", "one", fmt.Sprint(time.Now().UnixNano()), time.Minute) }), 1)
	}},
}

// words are values with spaces between them.
func words(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

func key(k, fingerprint string) picloud.AnswerKey {
	return picloud.AnswerKey{Key: []byte(k), Fingerprint: []byte(fingerprint)}
}

// answering is an app, whose node lives: on PostgreSQL a holder counts only as
// long as that.
func (f *fixture) answering() string {
	f.Helper()
	f.register("node", "node")
	return f.defaultApp()
}

// hold holds a request, on behalf of the node "node".
func (f *fixture) hold(app, k, fingerprint, holder string, d time.Duration) error {
	_, err := f.HoldAnswer(f.ctx, app, key(k, fingerprint), holder, "node", time.Now().Add(d))
	return err
}

// answer commits an answer together with a key.
func (f *fixture) answer(app, k, holder, response string) error {
	return f.Commit(f.ctx, picloud.Commit{AppID: app, Answer: &picloud.Answer{Key: []byte(k), Holder: holder, Response: []byte(response)},
		Effects: picloud.Effects{Writes: []picloud.KeyWrite{{Key: "answered", Kind: picloud.ValueJSON, Value: []byte("1")}}}})
}
