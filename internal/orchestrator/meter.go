package orchestrator

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// meterSync is how long a node goes by what it knows of what the others have
// used, while it uses something itself. What all of them use meanwhile, and what
// runs that have begun still use, is how far a daily quota may be exceeded.
const meterSync = 10 * time.Second

// meters count what apps with daily quotas use of them. Others have none: they
// cost nothing. The zero value is ready.
type meters struct {
	mu    sync.Mutex
	byApp map[string]*meter
}

// meter counts what one app has used today. A nil meter counts nothing and
// refuses nothing.
type meter struct {
	o      *Orchestrator
	app    picloud.App
	quotas atomic.Pointer[picloud.Quotas]

	day        atomic.Int64 // when it began, in Unix seconds
	operations atomic.Int64
	calls      atomic.Int64
	synced     atomic.Int64 // when it was last asked what all nodes have used, in Unix seconds
}

// load makes the meters that a snapshot asks for, and drops the others. What a new
// one's app has used today is read from the store; where that fails it begins
// with nothing.
func (ms *meters) load(ctx context.Context, o *Orchestrator, s *picloud.Snapshot) {
	kept := map[string]*meter{}
	ms.mu.Lock()
	old := ms.byApp
	ms.mu.Unlock()
	for _, a := range s.Apps {
		q := s.Quotas[a.ID]
		if s.Quotas == nil || q == (picloud.Quotas{}) || q.Operations < 0 && q.Calls < 0 {
			continue
		}
		m := old[a.ID]
		if m == nil {
			m = &meter{o: o, app: a}
			m.day.Store(picloud.QuotaDay(o.cfg.Now()).Unix())
			m.quotas.Store(&q)
			m.sync(ctx)
		}
		m.quotas.Store(&q)
		kept[a.ID] = m
	}
	ms.mu.Lock()
	ms.byApp = kept
	ms.mu.Unlock()
}

// of is an app's meter; nil for an app without daily quotas.
func (ms *meters) of(appID string) *meter {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.byApp[appID]
}

// today begins a new day when one has come.
func (m *meter) today() time.Time {
	day := picloud.QuotaDay(m.o.cfg.Now())
	if old := m.day.Load(); old != day.Unix() && m.day.CompareAndSwap(old, day.Unix()) {
		m.operations.Store(0)
		m.calls.Store(0)
	}
	return day
}

// admit refuses a run of an app that has used up its operations of the day.
func (m *meter) admit() error {
	if m == nil {
		return nil
	}
	until, over := m.spent()
	if !over {
		return nil
	}
	return &picloud.Error{
		Code: picloud.CodeQuotaOperations, Message: "the app has used up its operations of this day, which ends at midnight UTC",
		RetryAfter: until.Sub(m.o.cfg.Now()),
	}
}

// spent tells whether the operations of the day are used up, and when there are
// new ones.
func (m *meter) spent() (until time.Time, over bool) {
	if m == nil {
		return until, false
	}
	day, quota := m.today(), m.quotas.Load().Operations
	return day.AddDate(0, 0, 1), quota >= 0 && m.operations.Load() >= quota
}

// ran counts the operations of a run.
func (m *meter) ran(operations int64) {
	if m == nil {
		return
	}
	m.today()
	after := m.operations.Add(operations)
	m.told(picloud.QuotaOperations, after-operations, after)
	if now := m.o.cfg.Now().Unix(); !m.o.cfg.Alone {
		if last := m.synced.Load(); now-last >= int64(meterSync/time.Second) && m.synced.CompareAndSwap(last, now) {
			m.o.background(m.sync)
		}
	}
}

// call counts a call to the outside, and refuses it when those of the day are
// used up.
func (m *meter) call() error {
	if m == nil {
		return nil
	}
	m.today()
	quota := m.quotas.Load().Calls
	after := m.calls.Add(1)
	m.told(picloud.QuotaCalls, after-1, after)
	if quota >= 0 && after > quota {
		return picloud.Errorf(picloud.CodeQuotaCalls, "the app has used up its %d outbound calls of this day, which ends at midnight UTC", quota)
	}
	return nil
}

// sync learns what all nodes have used. What this one has used and the store does
// not know yet is not forgotten: the larger number counts.
func (m *meter) sync(ctx context.Context) {
	day := m.today()
	u, err := m.o.cfg.Store.UsageOf(ctx, m.app.ID, day)
	if err != nil {
		m.o.cfg.Log.WarnContext(ctx, "read what an app has used today", "app", m.app.Name, "err", err)
		return
	}
	if m.day.Load() != day.Unix() {
		return // the day went by meanwhile
	}
	m.synced.Store(m.o.cfg.Now().Unix())
	for _, c := range []struct {
		kind picloud.QuotaKind
		mine *atomic.Int64
		all  int64
	}{{picloud.QuotaOperations, &m.operations, u.Operations}, {picloud.QuotaCalls, &m.calls, u.Calls}} {
		if before := c.mine.Load(); c.all > before && c.mine.CompareAndSwap(before, c.all) {
			m.told(c.kind, before, c.all)
		}
	}
}

// told raises the alarms between two amounts.
func (m *meter) told(kind picloud.QuotaKind, before, after int64) {
	q := m.quotas.Load()
	for _, mark := range picloud.Crossed(before, after, *q.Of(kind)) {
		a := picloud.Alarm{AppID: m.app.ID, Kind: kind, Percent: mark, Used: after, Quota: *q.Of(kind), RaisedAt: m.o.cfg.Now()}
		m.o.background(func(ctx context.Context) { m.raise(ctx, a) })
	}
}

func (m *meter) raise(ctx context.Context, a picloud.Alarm) {
	raised, err := m.o.cfg.Store.RaiseAlarm(ctx, a)
	if err != nil {
		m.o.cfg.Log.WarnContext(ctx, "raise an alarm", "app", m.app.Name, "quota", a.Kind, "err", err)
	}
	if raised || err != nil {
		m.o.cfg.Log.WarnContext(ctx, "an app comes to the end of a quota", "app", m.app.Name, "quota", a.Kind, "percent", a.Percent, "used", a.Used, "of", a.Quota)
	}
}

// background does something that nobody waits for but Stop.
func (o *Orchestrator) background(do func(context.Context)) {
	if !o.inflight.begin() {
		return
	}
	go func() {
		defer o.inflight.end()
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		do(ctx)
	}()
}
