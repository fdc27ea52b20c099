package orchestrator

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/webhook"
)

// Secrets holds what apps have for nobody to see.
type Secrets interface {
	// Value is what an app's secret holds; CodeNotFound if there is none.
	Value(ctx context.Context, appID, name string) (string, error)
}

// duplicateHeader marks the answer to a webhook that was taken before.
const duplicateHeader = "Picloud-Duplicate" // PiCloud-Duplicate in canonical form

// hook is what a route asks of the webhooks that come to it.
type hook struct {
	spec     picloud.Webhook
	place    string // the route's, which tells its deliveries from those of others
	refusals refusals
}

// newHook is what a route asks for; nil when it asks for no signature. One that
// cannot be read, which the store refuses, takes nothing.
func newHook(r picloud.Route) *hook {
	if r.Webhook == "" {
		return nil
	}
	spec, err := picloud.ParseWebhook(r.Webhook)
	if err != nil {
		spec = picloud.Webhook{Kind: "unreadable"}
	}
	return &hook{spec: spec, place: r.Pattern()}
}

// accept checks the signature of a webhook, and that it was not taken before:
// picloud.ErrDelivered. The delivery is nil when the sender gives it no name.
func (o *Orchestrator) accept(ctx context.Context, route *route, s *webhook.Signature, body []byte) (*picloud.Delivery, error) {
	secrets, err := o.secretsOf(ctx, route)
	if err != nil {
		return nil, err
	}
	if err := s.Check(secrets, body, o.cfg.Now()); err != nil {
		return nil, err
	}
	if s.ID() == "" {
		return nil, nil
	}
	key := sha256.Sum256([]byte(route.script.ID + "\x00" + route.hook.place + "\x00" + s.ID()))
	d := &picloud.Delivery{Key: key[:]}
	switch taken, err := o.cfg.Store.Delivered(ctx, route.script.AppID, *d); {
	case err != nil:
		return nil, err
	case taken:
		return nil, picloud.ErrDelivered
	}
	return d, nil
}

// secretsOf is what the secrets hold that a webhook may be signed with. That
// some of several are not there is how one is replaced by another.
func (o *Orchestrator) secretsOf(ctx context.Context, route *route) ([][]byte, error) {
	if o.cfg.Secrets == nil {
		return nil, errors.New("this node has no secrets")
	}
	var found [][]byte
	for _, name := range route.hook.spec.Secrets {
		value, err := o.secret(ctx, route.script.AppID, name)
		switch {
		case err == nil && len(value) > 0:
			found = append(found, []byte(value))
		case err != nil && !picloud.IsCode(err, picloud.CodeNotFound):
			return nil, fmt.Errorf("read the secret %s: %w", name, err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: %s", errNoSecret, route.hook.spec.Secrets[0])
	}
	return found, nil
}

var errNoSecret = errors.New("there is no such secret, or it is empty")

// refuseWebhook answers a webhook that is not taken, and has the app's people
// see why. Its sender learns no more than it has to.
func (o *Orchestrator) refuseWebhook(ctx context.Context, route *route, q *picloud.Request, id string, err error) *picloud.Response {
	if errors.Is(err, picloud.ErrDelivered) {
		return duplicate()
	}
	why := &picloud.ScriptError{Code: picloud.ErrorCode(err), Message: err.Error()}
	var mine *picloud.Error
	if errors.As(err, &mine) {
		why.Message = mine.Message
	}
	resp := refusal(err, id)
	switch why.Code {
	case picloud.CodeWebhookSignature, picloud.CodeWebhookStale:
		resp.Header.Set("Www-Authenticate", `Signature realm="picloud"`)
	default:
		why.Code = picloud.CodeUnavailable
		resp = refusal(&picloud.Error{Code: why.Code, Message: "the webhook cannot be checked right now", RetryAfter: time.Minute}, id)
	}
	now := o.cfg.Now()
	more, ok := route.hook.refusals.admit(now)
	if !ok {
		return resp
	}
	if more > 0 {
		why.Message += fmt.Sprintf(" (and %d more were refused)", more)
	}
	if why.Code == picloud.CodeUnavailable {
		o.cfg.Log.ErrorContext(ctx, "a webhook cannot be checked", "app", route.script.App, "script", route.script.Name, "route", route.hook.place, "err", err)
	}
	o.recorder.add(newRecord(route.target, picloud.TriggerHTTP, q, id, now, &picloud.Outcome{Error: why}, resp))
	return resp
}

// duplicate answers a webhook that was taken before: it is well, and need not be
// sent again.
func duplicate() *picloud.Response {
	body, err := json.Marshal(map[string]bool{"duplicate": true})
	if err != nil {
		panic("orchestrator: encode a boolean: " + err.Error())
	}
	return &picloud.Response{
		Status: http.StatusOK, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, duplicateHeader: {"true"}},
	}
}

// Of the webhooks that a route refuses, so many leave a record in so much time:
// strangers who try must not fill the history.
const (
	refusalsKept   = 6
	refusalsWithin = time.Minute
)

// refusals bounds the records of a route's refusals. The zero value has seen
// none.
type refusals struct {
	mu    sync.Mutex
	since time.Time
	n     int
	more  int // not recorded
}

// admit reports whether a refusal is to be recorded, and how many were not since
// the last one that was.
func (r *refusals) admit(now time.Time) (more int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= refusalsWithin || now.Before(r.since) {
		r.since, r.n = now, 0
	}
	if r.n++; r.n > refusalsKept {
		r.more++
		return 0, false
	}
	more, r.more = r.more, 0
	return more, true
}
