package orchestrator

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// fanOut is the messages as events, one for each script that subscribes to
// their topic.
func (o *Orchestrator) fanOut(appID string, messages []picloud.Message) []picloud.NewEvent {
	if len(messages) == 0 {
		return nil
	}
	t := o.table.Load()
	now := o.cfg.Now()
	var events []picloud.NewEvent
	for i := range messages {
		m := &messages[i]
		for _, target := range t.subscribers[topicKey{appID, m.Topic}] {
			e := picloud.NewEvent{
				ID: o.cfg.IDs.New(), ScriptID: target.script.ID, Trigger: picloud.TriggerMessage,
				Source: m.Topic, Key: m.Key, Kind: m.Kind, Body: m.Body,
			}
			if m.Dedupe != "" {
				e.Once = i + 1
			}
			if m.Delay > 0 {
				e.DueAt = now.Add(m.Delay)
			}
			events = append(events, e)
		}
	}
	return events
}

// Publish publishes messages on topics of an app, and tells how many events
// they have become. When it returns, they are on disk.
func (o *Orchestrator) Publish(ctx context.Context, app string, messages []picloud.Message) (int, error) {
	if !o.inflight.begin() {
		return 0, errStopping()
	}
	defer o.inflight.end()
	t := o.table.Load()
	if t == nil {
		return 0, &picloud.Error{Code: picloud.CodeUnavailable, Message: "the server is starting", RetryAfter: retryAfter}
	}
	a := t.byName[app]
	if a == nil {
		return 0, picloud.NotFound("app", app)
	}
	for i := range messages {
		if err := messages[i].Validate(); err != nil {
			return 0, err
		}
	}
	events := o.fanOut(a.ID, messages)
	shown := o.streamed(a.ID, messages)
	if len(events)+len(shown) == 0 {
		return 0, nil
	}
	err := o.commit(ctx, picloud.Commit{AppID: a.ID, Effects: picloud.Effects{Messages: messages}, Events: events, Streamed: shown})
	n := 0
	for i := range events {
		if events[i].Seq > 0 {
			n++
		}
	}
	return n, err
}
