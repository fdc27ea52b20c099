package manager

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// maxMessageBody holds the largest message in base64.
const maxMessageBody = 2 * picloud.MaxValueBytes

const eventsPath = "/apps/{app}/events"

func (m *Manager) registerEvents() {
	register(m, operation{
		id: "publish-message", method: http.MethodPost, path: "/apps/{app}/topics/{topic}/messages", tag: "events", capability: access.Publish,
		summary: "Publish a message; the answer means that it is on disk", maxBody: maxMessageBody,
	}, m.publish)
	register(m, operation{
		id: "list-events", method: http.MethodGet, path: eventsPath, tag: "events", capability: access.ReadTopics,
		summary: "List the events that wait for a script or have been given up, the newest first",
	}, m.listEvents)
	register(m, operation{
		id: "count-events", method: http.MethodGet, path: "/apps/{app}/queues", tag: "events", capability: access.ReadTopics,
		summary: "Count the events by script, source and state",
	}, m.countEvents)
	register(m, operation{
		id: "get-event", method: http.MethodGet, path: eventsPath + "/{id}", tag: "events", capability: access.ReadTopics,
		summary: "Show an event with its body",
	}, m.getEvent)
	register(m, operation{
		id: "redrive-event", method: http.MethodPost, path: eventsPath + "/{id}/redrive", tag: "events", capability: access.ManageTopics,
		summary: "Try a dead event anew, with another body if need be", maxBody: maxMessageBody,
	}, m.redriveEvent)
	register(m, operation{
		id: "redrive-events", method: http.MethodPost, path: "/apps/{app}/redrive", tag: "events", capability: access.ManageTopics,
		summary: "Try all dead events anew that match", timeout: 5 * time.Minute,
	}, m.redriveEvents)
	register(m, operation{
		id: "delete-event", method: http.MethodDelete, path: eventsPath + "/{id}", tag: "events", capability: access.ManageTopics,
		summary: "Remove an event that is not being run",
	}, m.dropEvent)
	register(m, operation{
		id: "purge-events", method: http.MethodPost, path: "/apps/{app}/purge", tag: "events", capability: access.ManageTopics,
		summary: "Remove all events that match and are not being run", timeout: 5 * time.Minute,
	}, m.purgeEvents)
}

type publishInput struct {
	App   string `path:"app"`
	Topic string `path:"topic"`
	Body  api.NewMessage
}

type publishOutput struct {
	Status int
	Body   api.Published
}

func (m *Manager) publish(ctx context.Context, _ picloud.Principal, in *publishInput) (*publishOutput, error) {
	auditing(ctx).target(in.Topic)
	message := picloud.Message{
		Topic: in.Topic, Key: in.Body.Key,
		Delay: time.Duration(min(in.Body.DelaySeconds, 2*picloud.MaxDelay.Seconds()) * float64(time.Second)),
	}
	message.Dedupe = in.Body.Dedupe
	message.Window = time.Duration(min(in.Body.DedupeSeconds, 2*picloud.MaxDedupeWindow.Seconds()) * float64(time.Second))
	var err error
	if message.Kind, message.Body, err = messageBody(in.Body.Body, in.Body.BodyBase64); err != nil {
		return nil, err
	}
	if message.Kind == "" {
		message.Kind, message.Body = picloud.ValueJSON, []byte("null")
	}
	n, err := m.invoker.Publish(ctx, in.App, []picloud.Message{message})
	if err != nil {
		return nil, err
	}
	return &publishOutput{Status: http.StatusAccepted, Body: api.Published{Events: n}}, nil
}

// messageBody is what a body in JSON or base64 stands for; the kind is "" when
// there is neither.
func messageBody(body json.RawMessage, octets string) (picloud.ValueKind, []byte, error) {
	switch {
	case len(body) > 0 && octets != "":
		return "", nil, picloud.Invalid("body_base64", "there is a body already")
	case octets != "":
		b, err := base64.StdEncoding.DecodeString(octets)
		if err != nil {
			return "", nil, picloud.Invalid("body_base64", "it is not base64")
		}
		return picloud.ValueBytes, b, nil
	case len(body) > 0:
		return picloud.ValueJSON, body, picloud.ValidateJSON("body", body)
	}
	return "", nil, nil
}

type eventsInput struct {
	AppPath
	Script string `query:"script" doc:"Only of this script"`
	Source string `query:"source" doc:"Only of this topic or schedule"`
	State  string `query:"state" enum:"waiting,blocked,dead" doc:"Only in this state"`
	Before int64  `query:"before" minimum:"0" doc:"The cursor of a page before"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 when absent"`
}

type eventsOutput struct{ Body api.Events }

func (m *Manager) listEvents(ctx context.Context, _ picloud.Principal, in *eventsInput) (*eventsOutput, error) {
	q := picloud.EventQuery{App: in.App, Script: in.Script, Source: in.Source, State: picloud.EventState(in.State), Before: in.Before, Limit: pageSize(in.Limit)}
	list, err := m.store.ListEvents(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &eventsOutput{Body: api.Events{Events: make([]api.Event, len(list))}}
	for i, e := range list {
		out.Body.Events[i] = eventOf(e)
	}
	if len(list) == q.Limit {
		out.Body.Before = list[len(list)-1].Seq
	}
	return out, nil
}

// eventOf is an event as the API shows it, with its body if that was read.
func eventOf(e picloud.Event) api.Event {
	shown := api.Event{
		ID: e.ID, Script: e.Script, Trigger: e.Trigger, Source: e.Source, Key: e.Key, State: e.State, Running: e.Claim != "",
		Attempts: e.Attempts, Error: e.Error, EnteredAt: e.EnteredAt, DueAt: e.DueAt,
	}
	if e.Trigger == picloud.TriggerSchedule {
		shown.Key = "" // it is no user's: see Schedule.OrderKey
	}
	switch {
	case e.Kind == picloud.ValueBytes:
		shown.BodyBase64 = base64.StdEncoding.EncodeToString(e.Body)
	case len(e.Body) > 0:
		shown.Body = e.Body
	}
	return shown
}

type queuesOutput struct{ Body api.Queues }

func (m *Manager) countEvents(ctx context.Context, _ picloud.Principal, in *AppPath) (*queuesOutput, error) {
	counts, err := m.store.CountEvents(ctx, in.App)
	if err != nil {
		return nil, err
	}
	out := &queuesOutput{Body: api.Queues{Queues: make([]api.Queue, len(counts))}}
	for i, c := range counts {
		out.Body.Queues[i] = api.Queue{Script: c.Script, Source: c.Source, State: c.State, Count: c.Count, OldestAt: c.Oldest}
	}
	return out, nil
}

// EventPath is an event of an app in a path.
type EventPath struct {
	App string `path:"app"`
	ID  string `path:"id"`
}

type eventOutput struct{ Body api.Event }

func (m *Manager) getEvent(ctx context.Context, _ picloud.Principal, in *EventPath) (*eventOutput, error) {
	e, err := m.store.EventByID(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	return &eventOutput{Body: eventOf(e)}, nil
}

type redriveInput struct {
	EventPath
	Body api.Redrive
}

func (m *Manager) redriveEvent(ctx context.Context, _ picloud.Principal, in *redriveInput) (*eventOutput, error) {
	auditing(ctx).target(in.ID)
	kind, body, err := messageBody(in.Body.Body, in.Body.BodyBase64)
	if err != nil {
		return nil, err
	}
	if len(body) > picloud.MaxValueBytes {
		return nil, picloud.Invalid("body", "the body has %d bytes, at most %d are allowed", len(body), picloud.MaxValueBytes)
	}
	e, err := m.store.EventByID(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	if err := m.store.RedriveEvent(ctx, in.App, in.ID, kind, body); err != nil {
		return nil, err
	}
	e.State, e.Attempts, e.Error = picloud.EventWaiting, 0, ""
	if body != nil {
		e.Kind, e.Body = kind, body
	}
	return &eventOutput{Body: eventOf(e)}, nil
}

type selectionInput struct {
	AppPath
	Body api.EventSelection
}

func (in *selectionInput) query() picloud.EventQuery {
	return picloud.EventQuery{App: in.App, Script: in.Body.Script, Source: in.Body.Source, State: in.Body.State}
}

type selectedOutput struct{ Body api.Selected }

func (m *Manager) redriveEvents(ctx context.Context, _ picloud.Principal, in *selectionInput) (*selectedOutput, error) {
	return selected(ctx, in, m.store.RedriveEvents)
}

func (m *Manager) purgeEvents(ctx context.Context, _ picloud.Principal, in *selectionInput) (*selectedOutput, error) {
	return selected(ctx, in, m.store.DropEvents)
}

// selected does something to the events of a selection.
func selected(ctx context.Context, in *selectionInput, do func(context.Context, picloud.EventQuery) (int64, error)) (*selectedOutput, error) {
	auditing(ctx).target(in.Body.Source)
	n, err := do(ctx, in.query())
	if err != nil {
		return nil, err
	}
	return &selectedOutput{Body: api.Selected{Count: n}}, nil
}

func (m *Manager) dropEvent(ctx context.Context, _ picloud.Principal, in *EventPath) (*struct{}, error) {
	auditing(ctx).target(in.ID)
	return nil, m.store.DropEvent(ctx, in.App, in.ID)
}
