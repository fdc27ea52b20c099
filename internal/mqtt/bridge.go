package mqtt

import (
	"context"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// bridge brings the messages of an app's streams to its devices, while some of
// them subscribe to any.
type bridge struct {
	appID  string
	users  int               // sessions that subscribe
	topics map[string]*tread // those that are followed
}

// tread is one topic that is followed.
type tread struct {
	ready chan struct{} // closed when nothing that comes is missed
	stop  context.CancelFunc
}

// join notes that a session subscribes, and waits until its app's streams are
// followed: what is published after the answer is not missed.
func (b *Broker) join(s *session) {
	b.mu.Lock()
	br := b.bridges[s.device.AppID]
	if br == nil {
		br = &bridge{appID: s.device.AppID, topics: map[string]*tread{}}
		b.bridges[s.device.AppID] = br
	}
	if !s.subscribes {
		s.subscribes = true
		br.users++
	}
	b.adjust(br)
	var waits []chan struct{}
	for _, t := range br.topics {
		waits = append(waits, t.ready)
	}
	b.mu.Unlock()
	timer := time.NewTimer(readyTime)
	defer timer.Stop()
	for _, ready := range waits {
		select {
		case <-ready:
		case <-timer.C:
			return
		case <-b.life.Done():
			return
		}
	}
}

// leave notes that a session has ended. The lock is held.
func (b *Broker) leave(appID string) {
	br := b.bridges[appID]
	if br.users--; br.users > 0 {
		return
	}
	delete(b.bridges, appID)
	for _, t := range br.topics {
		t.stop()
	}
}

// adjust follows what is a stream now, and nothing else. The lock is held.
func (b *Broker) adjust(br *bridge) {
	streams := map[string]bool{}
	for _, topic := range b.cfg.Topics.StreamTopics(br.appID) {
		streams[topic] = true
		if br.topics[topic] == nil && !b.stopped {
			t := &tread{ready: make(chan struct{})}
			var ctx context.Context
			ctx, t.stop = context.WithCancel(b.life)
			br.topics[topic] = t
			b.work.Go(func() { b.follow(ctx, br.appID, topic, t) })
		}
	}
	for topic, t := range br.topics {
		if !streams[topic] {
			t.stop()
			delete(br.topics, topic)
		}
	}
}

// retryAfter is how long a topic that cannot be followed is left alone.
const retryAfter = time.Second

// follow gives the messages of a topic to the broker, until ctx ends.
func (b *Broker) follow(ctx context.Context, appID, topic string, t *tread) {
	last, isReady := int64(0), false
	ready := func(at int64) {
		last = at
		if !isReady {
			isReady = true
			close(t.ready)
		}
	}
	to := appID + "/" + mqttOf(topic)
	for {
		got, err := b.cfg.Topics.FollowTopic(ctx, appID, topic, last, ready, func(m *picloud.StreamMessage) {
			if err := b.server.Publish(to, payloadOf(m), false, 2); err != nil {
				b.cfg.Log.Warn("give a message to devices", "topic", topic, "err", err)
			}
		})
		last = max(last, got)
		if ctx.Err() != nil {
			return
		}
		b.cfg.Log.Debug("a topic cannot be followed right now", "topic", topic, "err", err)
		timer := time.NewTimer(retryAfter)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
