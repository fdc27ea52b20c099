//go:build !race

// The race detector drops what pools keep, at random: make test counts without
// it, too.

package orchestrator

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// maxAllocs is what a hello request may allocate in the handler: the id, the
// run, the values of the script, the response and the record of it.
const maxAllocs = 22

func TestAllocationsOfARequest(t *testing.T) {
	n := startNode(t, nil)
	n.deploy("hello", `fn handle(req) { #{ hello: req.query.name } }`)
	r := httptest.NewRequest("GET", "/hello?name=Ada", nil)
	r.Header.Set("User-Agent", "test")
	w := &sink{header: http.Header{}}
	hello := func() {
		clear(w.header)
		n.ServeHTTP(w, r)
		if w.status != 200 {
			t.Fatalf("status %d", w.status)
		}
	}
	const requests = 1000
	got := testing.AllocsPerRun(1, func() {
		for range requests {
			hello()
		}
		// Writing the records down is a part of the price.
		if err := n.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}) / requests
	if got > maxAllocs {
		t.Errorf("%v allocations a request, which is more than %d", got, maxAllocs)
	}
	t.Logf("%.1f allocations", got)
}
