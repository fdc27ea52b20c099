package orchestrator

import (
	"net/http"

	"github.com/picloud/picloud/internal/picloud"
)

// ReadyPath is where a balancer asks whether to send requests here: 200 while
// the node serves, 503 while it starts or stops. It says nothing about the
// database: a node goes on answering without it, and taking all nodes out
// because of it would answer nobody. Anybody may ask.
const ReadyPath = picloud.ReservedPrefix + "/readyz"

// health answers for a node that serves: one that does not never gets here.
func health() *picloud.Response {
	return &picloud.Response{
		Status: http.StatusOK, Body: []byte("ok\n"),
		Header: http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"}},
	}
}
