package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// idsOfCommit is how many messages one commit can number: more than
	// picloud.MaxMessages.
	idsOfCommit = 1_000
	// streamTrimEvery is after how many commits of an app a stream is cut, and
	// streamTrimBytes of how many bytes at once it is cut at once.
	streamTrimEvery = 64
	streamTrimBytes = 256 << 10
	streamPageBytes = 1 << 20
)

// stream enters messages of topics that are streams, under the app's version of
// this commit. That the app's row is locked until the commit makes ids visible
// in their order: who has seen one has seen all before it.
func (g *groupWriter) stream(p *pendingCommit, version int64) error {
	c := &p.Commit
	sizes, named := map[string]int{}, map[[2]string]bool{}
	for i := range c.Streamed {
		m := &c.Streamed[i]
		if m.Dedupe != "" {
			if at := [2]string{m.Topic, m.Dedupe}; named[at] || p.repeatedStream(m) {
				continue
			} else {
				named[at] = true
			}
		}
		id := version*idsOfCommit + int64(i)
		if _, err := g.tx.exec(`INSERT INTO streams (app_id, topic, newest, dropped) VALUES ($1, $2, $3, 0)
			ON CONFLICT (app_id, topic) DO UPDATE SET newest = excluded.newest`, c.AppID, m.Topic, id); err != nil {
			return err
		}
		if _, err := g.tx.exec("INSERT INTO stream_messages (app_id, topic, id, order_key, at, kind, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			c.AppID, m.Topic, id, m.Key, g.now, string(m.Kind), notNull(m.Body)); err != nil {
			return err
		}
		sizes[m.Topic] += len(m.Body)
	}
	for topic, size := range sizes {
		if version%streamTrimEvery != 0 && size < streamTrimBytes {
			continue
		}
		if err := trimStream(g.tx, c.AppID, topic); err != nil {
			return err
		}
	}
	return nil
}

// trimStream drops the oldest messages of a topic, so that no more are left than
// it may keep.
func trimStream(tx *tx, appID, topic string) error {
	var last int64
	err := tx.row(`SELECT id FROM (
			SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS place, SUM(LENGTH(body)) OVER (ORDER BY id DESC) AS bytes
			FROM stream_messages WHERE app_id = $1 AND topic = $2) AS sized
		WHERE place > $3 OR bytes > $4 ORDER BY id DESC LIMIT 1`,
		appID, topic, picloud.MaxStreamMessages, picloud.MaxStreamsBytes).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return dropStreamed(tx, appID, topic, last)
}

// dropStreamed drops messages of a topic up to one of them.
func dropStreamed(tx *tx, appID, topic string, last int64) error {
	if _, err := tx.exec("DELETE FROM stream_messages WHERE app_id = $1 AND topic = $2 AND id <= $3", appID, topic, last); err != nil {
		return err
	}
	_, err := tx.exec("UPDATE streams SET dropped = $3 WHERE app_id = $1 AND topic = $2 AND dropped < $3", appID, topic, last)
	return err
}

// ReadStream implements [picloud.Streams].
func (s *Store) ReadStream(ctx context.Context, appID, topic string, after int64, limit int) (page picloud.StreamPage, err error) {
	err = s.read(ctx, "read a stream", func(tx *tx) error {
		page = picloud.StreamPage{}
		var newest, dropped int64
		err := tx.row("SELECT newest, dropped FROM streams WHERE app_id = $1 AND topic = $2", appID, topic).Scan(&newest, &dropped)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || after >= newest {
			return err
		}
		page.Missed = after < dropped
		if page.Messages, err = all(tx, scanStreamed, `SELECT id, order_key, kind, body, at FROM (
				SELECT id, order_key, kind, body, at, SUM(LENGTH(body)) OVER (ORDER BY id) - LENGTH(body) AS before FROM (
					SELECT * FROM stream_messages WHERE app_id = $1 AND topic = $2 AND id > $3 ORDER BY id LIMIT $4) AS next) AS sized
			WHERE before < $5 ORDER BY id`, appID, topic, after, limit, streamPageBytes); err != nil {
			return err
		}
		if n := len(page.Messages); n > 0 {
			page.More = page.Messages[n-1].ID < newest
		}
		return nil
	})
	return page, err
}

func scanStreamed(row scanner) (m picloud.StreamMessage, err error) {
	var at int64
	err = row.Scan(&m.ID, &m.Key, &m.Kind, &m.Body, &at)
	m.At = fromMicros(at)
	return m, err
}

// StreamPosition implements [picloud.Streams].
func (s *Store) StreamPosition(ctx context.Context, appID, topic, key string, last int) (position int64, err error) {
	err = s.read(ctx, "find the end of a stream", func(tx *tx) error {
		var dropped int64
		err := tx.row("SELECT newest, dropped FROM streams WHERE app_id = $1 AND topic = $2", appID, topic).Scan(&position, &dropped)
		if errors.Is(err, sql.ErrNoRows) {
			position = 0
			return nil
		}
		if err != nil || last == 0 {
			return err
		}
		query, args := "SELECT id FROM stream_messages WHERE app_id = $1 AND topic = $2", []any{appID, topic, last - 1}
		if key != "" {
			query, args = query+" AND order_key = $4", append(args, key)
		}
		err = tx.row(query+" ORDER BY id DESC LIMIT 1 OFFSET $3", args...).Scan(&position)
		if errors.Is(err, sql.ErrNoRows) {
			position = dropped // all that there are
			return nil
		}
		position--
		return err
	})
	return position, err
}

// SweepStreams implements [picloud.Streams].
func (s *Store) SweepStreams(ctx context.Context, now time.Time) (dropped int64, err error) {
	type old struct {
		app, topic string
		last, n    int64
	}
	var list []old
	err = s.read(ctx, "list old messages of streams", func(tx *tx) (err error) {
		list, err = all(tx, func(row scanner) (o old, err error) { return o, row.Scan(&o.app, &o.topic, &o.last, &o.n) },
			"SELECT app_id, topic, MAX(id), COUNT(*) FROM stream_messages WHERE at < $1 GROUP BY app_id, topic", micros(now.Add(-picloud.StreamMemory)))
		return err
	})
	for _, o := range list {
		if err != nil {
			break
		}
		if err = s.write(ctx, "drop old messages of a stream", func(tx *tx) error { return dropStreamed(tx, o.app, o.topic, o.last) }); err == nil {
			dropped += o.n
		}
	}
	return dropped, err
}

// streamListeners are who wants to know of messages of streams. The zero value
// is nobody.
type streamListeners struct {
	mu   sync.Mutex
	list []*func(appID, topic string)
}

// SubscribeStreams implements [picloud.Streams].
func (s *Store) SubscribeStreams(f func(appID, topic string)) (cancel func()) {
	l := &s.streams
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(slices.Clip(l.list), &f)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = slices.DeleteFunc(slices.Clone(l.list), func(x *func(string, string)) bool { return x == &f })
	}
}

// tell has the listeners know; an empty topic says that anything may have
// happened.
func (l *streamListeners) tell(appID, topic string) {
	l.mu.Lock()
	list := l.list
	l.mu.Unlock()
	for _, f := range list {
		(*f)(appID, topic)
	}
}

// streamed are the topics that commits of a group have entered messages of, each
// once.
func streamed(group []*pendingCommit) [][2]string {
	var list [][2]string
	for _, p := range group {
		for i := range p.Streamed {
			if at := [2]string{p.AppID, p.Streamed[i].Topic}; p.err == nil && !slices.Contains(list, at) {
				list = append(list, at)
			}
		}
	}
	return list
}

// notifyStreams has the other processes told which streams go on.
func (g *groupWriter) notifyStreams(group []*pendingCommit) error {
	for _, at := range streamed(group) {
		if err := g.tx.notify(streamNotice, at[0]+" "+at[1]); err != nil {
			return err
		}
	}
	return nil
}

// takeStreamNotice tells of what another process has entered.
func (s *Store) takeStreamNotice(detail string) {
	appID, topic, _ := strings.Cut(detail, " ")
	s.streams.tell(appID, topic)
}
