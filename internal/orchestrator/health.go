package orchestrator

import (
	"net/http"

	"github.com/picloud/picloud/internal/picloud"
)

// ReadyPath is where a balancer asks whether to send requests here: 200 while
// the node serves, 503 while it starts or stops, and when it is cordoned or
// drains, a while before it refuses any. It says nothing about the database: a
// node goes on answering without it, and taking all nodes out because of it
// would answer nobody. Anybody may ask.
const ReadyPath = picloud.ReservedPrefix + "/readyz"

// health answers a balancer.
func (o *Orchestrator) health() *picloud.Response {
	r := &picloud.Response{
		Status: http.StatusOK, Body: []byte("ok\n"),
		Header: http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"}},
	}
	if !o.Ready() {
		r.Status, r.Body = http.StatusServiceUnavailable, []byte("not ready\n")
	}
	return r
}

// Ready reports whether balancers should send requests here.
func (o *Orchestrator) Ready() bool {
	return o.table.Load() != nil && !o.member.unready.Load() && !o.inflight.closed()
}
