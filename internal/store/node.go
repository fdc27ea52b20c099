package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// clock is the time that all processes agree on: PostgreSQL's. On SQLite there
// is one process, whose own it is. It is asked for leases only, which compare
// what several machines say.
func (t *tx) clock() (now int64, err error) {
	if t.store.pg == nil {
		return micros(t.store.now()), nil
	}
	err = t.row("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)").Scan(&now)
	return now, err
}

// RegisterNode implements [picloud.Nodes].
func (s *Store) RegisterNode(ctx context.Context, n picloud.Node) (m picloud.Membership, err error) {
	err = s.writeNodes(ctx, "register the node", func(tx *tx, now int64) error {
		before, err := nodeByName(tx, n.Name, now)
		if err != nil && !picloud.IsCode(err, picloud.CodeNotFound) {
			return err
		}
		m.State = picloud.NodeActive
		if before.State == picloud.NodeCordoned {
			m.State = picloud.NodeCordoned
		}
		if _, err := tx.exec("DELETE FROM nodes WHERE name = $1", n.Name); err != nil {
			return err
		}
		if _, err := tx.exec(`INSERT INTO nodes (id, name, address, version, state, started_at, heartbeat_at, revision)
			VALUES ($1, $2, $3, $4, $5, $6, $6, $7)`, n.ID, n.Name, n.Address, n.Version, string(m.State), now, n.Revision); err != nil {
			return err
		}
		m.Active, err = activeNodes(tx, now)
		return err
	})
	return m, err
}

// writeNodes changes who is there, in turn, and tells everybody.
func (s *Store) writeNodes(ctx context.Context, what string, f func(tx *tx, now int64) error) error {
	err := s.write(ctx, what, func(tx *tx) error {
		if _, err := advance(tx, "nodes", 1); err != nil {
			return err
		}
		now, err := tx.clock()
		if err != nil {
			return err
		}
		if err := f(tx, now); err != nil {
			return err
		}
		return tx.notify(nodesNotice, "")
	})
	if err == nil {
		s.membership.wake()
	}
	return err
}

// activeNodes counts the nodes that share the work.
func activeNodes(tx *tx, now int64) (n int, err error) {
	err = tx.row("SELECT count(*) FROM nodes WHERE state = $1 AND heartbeat_at > $2",
		string(picloud.NodeActive), now-picloud.NodeLease.Microseconds()).Scan(&n)
	return n, err
}

// RenewNode implements [picloud.Nodes].
func (s *Store) RenewNode(ctx context.Context, id string, l picloud.NodeLoad) (m picloud.Membership, err error) {
	var released int64
	err = s.write(ctx, "renew the node", func(tx *tx) error {
		now, err := tx.clock()
		if err != nil {
			return err
		}
		err = tx.row(`UPDATE nodes SET heartbeat_at = $1, running = $2, waiting = $3, memory_bytes = $4, cpu_millis = $5,
			revision = $6, stale_ms = $7, drained = $8 WHERE id = $9 RETURNING state`,
			now, l.Running, l.Waiting, l.MemoryBytes, l.CPUMillis, l.Revision, l.Staleness.Milliseconds(), l.Drained, id).Scan(&m.State)
		if errors.Is(err, sql.ErrNoRows) {
			return picloud.NotFound("node", id)
		}
		if err != nil {
			return err
		}
		if released, err = releaseLost(tx, now); err != nil {
			return err
		}
		m.Active, err = activeNodes(tx, now)
		return err
	})
	if released > 0 && err == nil {
		s.entered.wake()
	}
	if s.listener != nil {
		s.listener.check() // that connection lives, too
	}
	return m, err
}

// claimReach is longer than any claim lasts, also after a clock was set back by
// an hour or two.
const claimReach = 4 * time.Hour

// releaseLost has the events be due at once that nodes had claimed whose lease
// is over, and tells how many.
func releaseLost(tx *tx, now int64) (int64, error) {
	// The claims that have not ended, found by when they do.
	n, err := tx.exec(loseClaims+" AND due_at > $1 AND due_at <= $3 AND claim NOT IN (SELECT id FROM nodes WHERE heartbeat_at > $2)",
		now, now-picloud.NodeLease.Microseconds(), now+claimReach.Microseconds())
	if err != nil || n == 0 {
		return n, err
	}
	return n, tx.notify(eventsNotice, "")
}

// StopNode implements [picloud.Nodes].
func (s *Store) StopNode(ctx context.Context, id string) error {
	return s.writeNodes(ctx, "stop the node", func(tx *tx, _ int64) error {
		_, err := tx.exec("UPDATE nodes SET heartbeat_at = 0, running = 0, waiting = 0, cpu_millis = 0 WHERE id = $1", id)
		return err
	})
}

const nodeColumns = `id, name, address, version, state, started_at, heartbeat_at,
	running, waiting, memory_bytes, cpu_millis, revision, stale_ms, drained`

func scanNode(now int64) func(scanner) (picloud.Node, error) {
	return func(row scanner) (n picloud.Node, err error) {
		var started, beat, stale int64
		err = row.Scan(&n.ID, &n.Name, &n.Address, &n.Version, &n.State, &started, &beat,
			&n.Running, &n.Waiting, &n.MemoryBytes, &n.CPUMillis, &n.Revision, &stale, &n.Drained)
		n.StartedAt, n.Staleness = fromMicros(started), time.Duration(stale)*time.Millisecond
		if beat > 0 {
			n.HeartbeatAt, n.Age = fromMicros(beat), time.Duration(max(0, now-beat))*time.Microsecond
		}
		return n, err
	}
}

func nodeByName(tx *tx, name string, now int64) (picloud.Node, error) {
	n, err := scanNode(now)(tx.row("SELECT "+nodeColumns+" FROM nodes WHERE name = $1", name))
	if errors.Is(err, sql.ErrNoRows) {
		return n, picloud.NotFound("node", name)
	}
	return n, err
}

// ListNodes implements [picloud.Nodes].
func (s *Store) ListNodes(ctx context.Context) (list []picloud.Node, err error) {
	err = s.read(ctx, "list nodes", func(tx *tx) error {
		now, err := tx.clock()
		if err != nil {
			return err
		}
		list, err = all(tx, scanNode(now), "SELECT "+nodeColumns+" FROM nodes ORDER BY name")
		return err
	})
	return list, err
}

// SetNodeState implements [picloud.Nodes].
func (s *Store) SetNodeState(ctx context.Context, name string, state picloud.NodeState) (n picloud.Node, err error) {
	err = s.writeNodes(ctx, "change a node", func(tx *tx, now int64) error {
		if _, err := tx.exec("UPDATE nodes SET state = $1, drained = $2 WHERE name = $3", string(state), false, name); err != nil {
			return err
		}
		n, err = nodeByName(tx, name, now)
		return err
	})
	return n, err
}

// RemoveNode implements [picloud.Nodes].
func (s *Store) RemoveNode(ctx context.Context, name string) error {
	return s.writeNodes(ctx, "remove a node", func(tx *tx, now int64) error {
		n, err := nodeByName(tx, name, now)
		if err != nil {
			return err
		}
		if h := n.Health(); h == picloud.NodeLive || h == picloud.NodeLate {
			return picloud.Errorf(picloud.CodeConflict, "the node %q lives: drain and stop it first", name)
		}
		_, err = tx.exec("DELETE FROM nodes WHERE id = $1", n.ID)
		return err
	})
}

// MembershipChanged implements [picloud.Nodes].
func (s *Store) MembershipChanged() <-chan struct{} { return s.membership.wait() }
