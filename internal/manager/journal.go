package manager

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// maxShownJSON bounds what is shown of the arguments and of the result of a
// call.
const maxShownJSON = 2 << 10

func (m *Manager) registerJournal() {
	register(m, operation{
		id: "get-journal", method: http.MethodGet, path: "/apps/{app}/invocations/{id}/journal", tag: "records", capability: access.ReadJournals,
		summary: "Show what an invocation asked its host for, and what it was answered",
	}, m.getJournal)
	register(m, operation{
		id: "replay-invocation", method: http.MethodPost, path: "/apps/{app}/invocations/{id}/replay", tag: "records", capability: access.ReadJournals,
		summary: "Run an invocation again with its journal; nothing that it changes happens", timeout: invokeTimeout,
	}, m.replay)
}

type journalInput struct {
	App   string `path:"app"`
	ID    string `path:"id"`
	After int    `query:"after" minimum:"0" doc:"Only calls after the one with this number"`
	Limit int    `query:"limit" minimum:"0" maximum:"1000" doc:"How many at most; 100 when absent"`
}

type journalOutput struct{ Body api.Journal }

func (m *Manager) getJournal(ctx context.Context, _ picloud.Principal, in *journalInput) (*journalOutput, error) {
	m.flush(ctx)
	v, r, err := m.invoker.Journal(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	out := &journalOutput{Body: api.Journal{
		InvocationID: v.ID, Script: v.Script, Version: v.Version, Trigger: v.Trigger, State: r.State(), Event: journalEvent(r),
		Operations: v.Operations, Total: len(r.Journal.Calls), Calls: []api.JournalCall{},
	}}
	end := min(in.After+pageSize(in.Limit), len(r.Journal.Calls))
	for i := in.After; i < end; i++ {
		out.Body.Calls = append(out.Body.Calls, shownCall(i+1, &r.Journal.Calls[i]))
	}
	if end < len(r.Journal.Calls) {
		out.Body.After = end
	}
	return out, nil
}

func journalEvent(r *picloud.JournalRecord) api.JournalEvent {
	e := api.JournalEvent{BodyCut: r.BodyCut}
	if q := r.Execution.Request; q != nil {
		e.Method, e.Path, e.BodyBytes = q.Method, q.Path, len(q.Body)
	}
	if in := r.Execution.Event; in != nil {
		e.Source, e.Attempt, e.BodyBytes = in.Source, in.Attempt, len(in.Body)
	}
	return e
}

// shownCall is a call as people are shown it.
func shownCall(n int, c *picloud.JournalCall) api.JournalCall {
	shown := api.JournalCall{
		N: n, Call: c.Call,
		At: time.Duration(c.At) * time.Microsecond, Duration: time.Duration(c.Took) * time.Microsecond,
	}
	if e := c.Error; e != nil {
		shown.Error = &api.JournalError{Code: e.Code, Message: e.Message, Ended: e.Ended}
	}
	var cutArgs, cutResult bool
	shown.Args, cutArgs = shortJSON(c.Args)
	shown.Result, cutResult = shortJSON(shownResult(c))
	shown.Cut = cutArgs || cutResult
	return shown
}

// shownResult is a result in a form that tells something: a time as text,
// randomness by its length, and values as what they stand for.
func shownResult(c *picloud.JournalCall) json.RawMessage {
	var nanos int64
	var random []byte
	switch {
	case c.Call == "clock" && json.Unmarshal(c.Result, &nanos) == nil:
		return fmt.Appendf(nil, "%q", time.Unix(0, nanos).UTC().Format(time.RFC3339Nano))
	case c.Call == "random" && json.Unmarshal(c.Result, &random) == nil:
		return fmt.Appendf(nil, `"%d bytes"`, len(random))
	}
	return readable(c.Result)
}

// readable is JSON in which values of keys, which are in base64, are what they
// stand for. What cannot be read is left as it is.
func readable(text json.RawMessage) json.RawMessage {
	if !bytes.Contains(text, []byte(`"Value"`)) {
		return text
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return text
	}
	open(v)
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return out
}

// open puts the values of entries in clear, wherever they are.
func open(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			open(item)
		}
	case map[string]any:
		text, _ := v["Value"].(string)
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil && v["Kind"] == string(picloud.ValueJSON) && json.Valid(raw) {
			v["Value"] = json.RawMessage(raw)
		}
		for _, item := range v {
			open(item)
		}
	}
}

// shortJSON is the beginning of a text, and whether there is more of it.
func shortJSON(text json.RawMessage) (string, bool) {
	if len(text) <= maxShownJSON {
		return string(text), false
	}
	end := maxShownJSON
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return string(text[:end]) + "…", true
}

type replayInput struct {
	App string `path:"app"`
	ID  string `path:"id"`
}

type replayOutput struct{ Body api.Replayed }

func (m *Manager) replay(ctx context.Context, _ picloud.Principal, in *replayInput) (*replayOutput, error) {
	auditing(ctx).target(in.ID)
	m.flush(ctx)
	r, err := m.invoker.Replay(ctx, in.App, in.ID)
	if err != nil {
		return nil, err
	}
	return &replayOutput{Body: replayed(r)}, nil
}

func replayed(r *picloud.Replayed) api.Replayed {
	v, o := &r.Invocation, r.Outcome
	out := api.Replayed{
		InvocationID: v.ID, Script: v.Script, Version: v.Version, Trigger: v.Trigger,
		Same: len(r.Differences) == 0, Differences: r.Differences, Removed: r.Removed,
		Duration: o.Duration, Operations: o.Operations, PeakBytes: o.PeakBytes, LogsCut: o.LogsCut,
		Logs: []api.ReplayedLine{}, Changes: changesOf(o.Effects),
	}
	for _, l := range o.Logs {
		out.Logs = append(out.Logs, api.ReplayedLine{Level: l.Level, Message: l.Message, Line: l.Line})
	}
	if e := o.Error; e != nil {
		out.Error = &picloud.InvocationError{Code: e.Code, Message: e.Message, Line: e.Line, Column: e.Column}
		out.HTTPStatus = e.Status
	}
	if resp := o.Response; resp != nil && r.Invocation.HTTPStatus != 0 {
		out.HTTPStatus, out.Headers = resp.Status, headerList(resp.Header)
		if utf8.Valid(resp.Body) {
			out.Body = string(resp.Body)
		} else {
			out.BodyBase64 = base64.StdEncoding.EncodeToString(resp.Body)
		}
	}
	return out
}

// changesOf lists what a run wanted to change.
func changesOf(e *picloud.Effects) []api.ReplayedChange {
	list := []api.ReplayedChange{}
	if e == nil {
		return list
	}
	for i := range e.Writes {
		w := &e.Writes[i]
		c := api.ReplayedChange{Kind: "set", Name: w.Key, Bytes: len(w.Value)}
		if w.Delete {
			c.Kind = "delete"
		}
		list = append(list, c)
	}
	for i := range e.Messages {
		list = append(list, api.ReplayedChange{Kind: "publish", Name: e.Messages[i].Topic, Bytes: len(e.Messages[i].Body)})
	}
	return list
}
