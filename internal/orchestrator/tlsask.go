package orchestrator

import (
	"net/http"

	"github.com/picloud/picloud/internal/picloud"
)

// TLSAskPath is where a proxy asks whether it may get a certificate for a host,
// as ?domain=HOST. It is answered with 200 for the hosts that lead to an app by
// name (verified custom domains, and below the base domain those of apps that
// exist) and with 404 for any other.
//
// Whoever opens a TLS connection makes the proxy ask, with any name, so the
// answer is a look at the table in memory and nothing else. It is every node's,
// and not the manager's: certificates are renewed while the manager is away.
//
// The public must not see it, or it could be asked which domains are here. So
// it answers a connection from a trusted proxy only, and only what that asks
// for itself: what it passes on from somebody else has X-Forwarded-For.
// Everybody else is told what they are told of any path below
// [picloud.ReservedPrefix]: there is nothing here.
const TLSAskPath = picloud.ReservedPrefix + "/tls-ask"

// tlsAsk answers whether a host may have a certificate.
func (o *Orchestrator) tlsAsk(t *table, r *http.Request) *picloud.Response {
	if !o.trusted(peer(r.RemoteAddr)) || forwarded(r.Header) {
		return nil
	}
	status := http.StatusNotFound
	if t.known(hostName(r.URL.Query().Get("domain"))) {
		status = http.StatusOK
	}
	return &picloud.Response{Status: status, Header: http.Header{"Cache-Control": {"no-store"}}}
}

// forwarded reports whether a proxy asks for somebody else.
func forwarded(h http.Header) bool {
	for _, name := range forwardedHeaders {
		if _, there := h[name]; there {
			return true
		}
	}
	return false
}
