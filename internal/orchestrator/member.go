package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// retryHeartbeat is how soon a heartbeat that failed is tried again.
	retryHeartbeat = 2 * time.Second
	// renewTime bounds one heartbeat.
	renewTime = 5 * time.Second
	// drainLook is how often a node that drains looks whether it is done.
	drainLook = 100 * time.Millisecond
	// defaultWithdraw is enough for a few checks of a load balancer, one a second.
	defaultWithdraw = 4 * time.Second
)

// Node is what a process is among those that share a database.
type Node struct {
	Nodes     picloud.Nodes        // where nodes are kept
	Name      string               // stays the same over restarts
	Address   string               // where the public listener is
	Version   string               // of the program
	Staleness func() time.Duration // how old what the store announces may be
	// Withdraw is how long load balancers get to notice that the node is not
	// ready, before it refuses what they send; 0 means 4 s.
	Withdraw time.Duration
}

// member is the part that this process takes in a cluster: it shows that it
// lives, and does what the operator wants of it. While it has no node it is
// alone, and always ready.
type member struct {
	node     Node
	id       string // of this start; the nodes know it by it
	o        *Orchestrator
	log      *slog.Logger
	cpu      cpuMeter
	end      context.CancelFunc
	work     sync.WaitGroup
	unready  atomic.Bool  // load balancers are told to send nothing more
	leaving  atomic.Bool  // for good: the process stops
	renewed  atomic.Int64 // monotonic nanoseconds, when the last good heartbeat was begun
	begun    time.Time    // what they count from
	mu       sync.Mutex
	state    picloud.NodeState
	draining time.Time // since when; zero while it is not
	drained  bool
}

// start registers the node and begins to show that it lives.
func (m *member) start(ctx context.Context) error {
	if m.node.Nodes == nil {
		return nil
	}
	if err := m.register(ctx); err != nil {
		return fmt.Errorf("register the node: %w", err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	m.end = end
	m.work.Go(func() { m.run(life) })
	return nil
}

func (m *member) register(ctx context.Context) error {
	at := time.Since(m.begun)
	got, err := m.node.Nodes.RegisterNode(ctx, picloud.Node{
		ID: m.id, Name: m.node.Name, Address: m.node.Address, Version: m.node.Version,
		NodeLoad: picloud.NodeLoad{Revision: m.o.revision()},
	})
	if err != nil {
		return err
	}
	m.renewed.Store(int64(at))
	m.obey(got)
	return nil
}

// stop tells the others that the node stops.
func (m *member) stop(ctx context.Context) {
	if m.end == nil {
		return
	}
	m.end()
	m.work.Wait()
	m.end = nil
	if err := m.node.Nodes.StopNode(ctx, m.id); err != nil {
		m.log.WarnContext(ctx, "the others are not told that this node stops; its lease runs out", "err", err)
	}
}

// run renews the lease: every now and then, and when something changed.
func (m *member) run(ctx context.Context) {
	failed := false
	for {
		changed := m.node.Nodes.MembershipChanged() // before the heartbeat, so that nothing is missed
		err := m.renew(ctx)
		if err != nil && ctx.Err() == nil && !failed {
			m.log.WarnContext(ctx, "the node cannot show that it lives", "node", m.node.Name, "err", err)
		}
		failed = err != nil
		if !m.await(ctx, changed, failed) {
			return
		}
	}
}

// await waits until the next heartbeat is due; false means that it is the end.
func (m *member) await(ctx context.Context, changed <-chan struct{}, failed bool) bool {
	wait := picloud.NodeHeartbeat
	if failed {
		wait = retryHeartbeat
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var look <-chan time.Time // ticks while the node drains, and only then
	if m.isDraining() {
		ticker := time.NewTicker(drainLook)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-changed:
			if !failed {
				return true
			}
			changed = nil // the next try comes soon enough
		case <-look:
			if m.finishDrain() {
				return true
			}
		}
	}
}

// renew is one heartbeat.
func (m *member) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	at := time.Since(m.begun)
	got, err := m.node.Nodes.RenewNode(ctx, m.id, m.load())
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return m.again(ctx)
	}
	if err != nil {
		return err
	}
	m.renewed.Store(int64(at))
	m.obey(got)
	return nil
}

// again registers a node that was removed while it was away, unless another
// process has taken its name.
func (m *member) again(ctx context.Context) error {
	list, err := m.node.Nodes.ListNodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.Name == m.node.Name && n.Health() != picloud.NodeLost && n.Health() != picloud.NodeStopped {
			return errors.New("another process is the node " + n.Name + ", at " + n.Address + ": give each a name of its own")
		}
	}
	return m.register(ctx)
}

func (m *member) load() picloud.NodeLoad {
	m.mu.Lock()
	drained := m.drained
	m.mu.Unlock()
	return picloud.NodeLoad{
		Running: m.o.running(), Waiting: m.o.gates.waiting(), MemoryBytes: memoryInUse(), CPUMillis: m.cpu.millis(),
		Revision: m.o.revision(), Staleness: m.node.Staleness(), Drained: drained,
	}
}

// memoryInUse is what the Go runtime has from the system and has not given back.
func memoryInUse() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// obey does what the operator wants of the node.
func (m *member) obey(got picloud.Membership) {
	m.o.gates.share(got.Active)
	m.mu.Lock()
	defer m.mu.Unlock()
	if got.State == m.state {
		return
	}
	m.log.Info("the node's state is set", "node", m.node.Name, "state", got.State)
	m.state = got.State
	m.unready.Store(got.State != picloud.NodeActive || m.leaving.Load())
	m.draining, m.drained = time.Time{}, false
	if got.State == picloud.NodeDraining {
		m.draining = time.Now()
		return
	}
	m.o.inflight.refuse(false)
}

func (m *member) isDraining() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.draining.IsZero() && !m.drained
}

// finishDrain takes a drain on: once the load balancers have had their time
// nothing new is taken. True tells that nothing runs any more.
func (m *member) finishDrain() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining.IsZero() || time.Since(m.draining) < m.node.Withdraw {
		return false
	}
	m.o.inflight.refuse(true)
	m.o.hub.endAll(false)
	m.drained = m.o.running() == 0
	return m.drained
}

// CutOff reports whether the node could not show for so long that it lives that
// it must claim nothing more: others are about to take its work over. A process
// that is alone never is.
func (o *Orchestrator) CutOff() bool {
	m := &o.member
	return m.node.Nodes != nil && time.Since(m.begun)-time.Duration(m.renewed.Load()) > picloud.NodeCutOff
}

// Withdraw tells load balancers to send nothing more, and waits until they
// know: for as long as some of their checks take, or until ctx ends. What they
// send meanwhile is served. A process that is alone has none.
func (o *Orchestrator) Withdraw(ctx context.Context) {
	m := &o.member
	m.leaving.Store(true)
	if m.unready.Swap(true) || m.node.Nodes == nil {
		return
	}
	timer := time.NewTimer(m.node.Withdraw)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// running is how many requests and events the process is at.
func (o *Orchestrator) running() int64 { return o.inflight.count.Load() + o.dispatch.busy() }

// revision is that of what is being served.
func (o *Orchestrator) revision() int64 {
	if t := o.table.Load(); t != nil {
		return t.revision
	}
	return 0
}
