package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// pingEvery keeps proxies from closing a connection on which nothing is
	// said. Its timer exists while somebody follows, and only then.
	pingEvery = 25 * time.Second
	// writeTimeout is how long a follower that does not read is borne.
	writeTimeout = 20 * time.Second
	followBatch  = 500
)

var logLineType = reflect.TypeFor[picloud.LogLine]()

type followInput struct {
	AppPath
	LogFilter
	Script      string `query:"script" doc:"Only of this script"`
	After       int64  `query:"after" minimum:"0" doc:"Begin after this seq; absent begins with what is logged from now on"`
	LastEventID int64  `header:"Last-Event-ID" doc:"Goes before 'after': where a client was that connects again"`
}

func (m *Manager) followLogs(ctx context.Context, _ picloud.Principal, in *followInput) (*huma.StreamResponse, error) {
	q := picloud.RecordQuery{
		App: in.App, Script: in.Script, Invocation: in.Invocation, MinLevel: picloud.Level(in.Level),
		Ascending: true, After: max(in.After, in.LastEventID), Limit: followBatch,
	}
	m.flush(ctx)
	if q.After == 0 {
		// Also tells whether the app and the script are there, while an error
		// can still be an answer.
		last, err := m.store.ListLogs(ctx, picloud.RecordQuery{App: in.App, Script: in.Script, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			q.After = last[0].Seq
		}
	} else if _, err := m.store.ListLogs(ctx, picloud.RecordQuery{App: in.App, Script: in.Script, Limit: 1}); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		m.stream(ctx, w, q)
	}}, nil
}

// stream sends lines until the client goes, stops reading, or the server
// drains.
func (m *Manager) stream(ctx context.Context, w http.ResponseWriter, q picloud.RecordQuery) {
	s := &eventStream{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	if s.comment("following") != nil { // so that the client knows at once
		return
	}
	ping := time.NewTimer(pingEvery)
	defer ping.Stop()
	for {
		// Taken before looking: what is recorded in between is then not missed.
		recorded := m.records.Recorded()
		lines, err := m.store.ListLogs(ctx, q)
		if err != nil {
			if ctx.Err() == nil {
				m.log.WarnContext(ctx, "following logs ended", "err", err, "request_id", requestID(ctx))
			}
			return
		}
		for _, l := range lines {
			if s.event(l.Seq, l) != nil {
				return
			}
			q.After = l.Seq
		}
		if len(lines) > 0 && s.flush() != nil {
			return
		}
		if len(lines) == q.Limit {
			continue
		}
		ping.Reset(pingEvery)
		select {
		case <-recorded:
		case <-ping.C:
			if s.comment("ping") != nil {
				return
			}
		case <-ctx.Done():
			return
		case <-m.draining.Done():
			return
		}
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// event writes one event, whose id is where a client goes on after it.
func (s *eventStream) event(id int64, data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	s.deadline()
	_, err = fmt.Fprintf(s.w, "id: %d\ndata: %s\n\n", id, encoded)
	return err
}

// comment writes what clients skip, and flushes.
func (s *eventStream) comment(text string) error {
	s.deadline()
	if _, err := fmt.Fprintf(s.w, ": %s\n\n", text); err != nil {
		return err
	}
	return s.flush()
}

func (s *eventStream) flush() error { return s.control.Flush() }

// deadline gives the client time for what comes next. A writer that knows none
// is that of a test.
func (s *eventStream) deadline() { _ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout)) }
