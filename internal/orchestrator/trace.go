package orchestrator

import (
	"net/http"
	"strings"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
)

// traceParent continues a trace (W3C Trace Context): the header that a
// request came with, with our own part in place of the caller's. The part is
// taken from the invocation's id, which is as unique as it must be. It is ""
// when there is no trace to continue.
func traceParent(h http.Header, id string) string {
	in := h["Traceparent"]
	if len(in) != 1 || !validTrace(in[0]) {
		return ""
	}
	span := strings.ReplaceAll(id, "-", "")[16:32]
	return in[0][:36] + span + in[0][52:55]
}

// validTrace accepts version 00: 00-<32 hex>-<16 hex>-<2 hex>, neither id all
// zeros.
func validTrace(s string) bool {
	if len(s) != 55 || s[:3] != "00-" || s[35] != '-' || s[52] != '-' {
		return false
	}
	return isHex(s[3:35]) && isHex(s[36:52]) && isHex(s[53:]) &&
		strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// ids gives each request its id, which is also its invocation's.
type ids struct {
	fresh *picloud.IDs

	mu sync.Mutex
	// Ids that clients chose, the latest ones. One that comes again is not
	// taken: its record would be lost behind the first one's.
	seen, before map[string]bool
}

// maxSeen is how many ids of clients are remembered, at least.
const maxSeen = 10_000

// of is the request id that a client chose, if it is a UUID in canonical form
// and was not used before, or a new one.
func (g *ids) of(h http.Header) string {
	given := h[idHeader]
	if len(given) != 1 || picloud.ValidateID(idHeader, given[0]) != nil {
		return g.fresh.New()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen[given[0]] || g.before[given[0]] {
		return g.fresh.New()
	}
	if len(g.seen) >= maxSeen || g.seen == nil {
		g.before, g.seen = g.seen, map[string]bool{}
	}
	id := strings.Clone(given[0]) // it is kept, and the rest of the head is not
	g.seen[id] = true
	return id
}
