package executor

import (
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// TestSameCost runs scripts again and again in one executor: what a run costs
// does not hang on what its sandbox did before.
func TestSameCost(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"fn handle(req) { throw `broken ${kv::get(\"nothing\")}` }",
		"fn handle(req) { let x = rand::float(); throw `broken ${kv::get(\"nothing\")}` }",
		"fn handle(req) { let x = rand::float(); `${x}`.len() }",
		"fn handle(req) { let x = rand::int(1, 6); x }",
		"fn handle(req) { uuid::v4().len() }",
		"fn handle(req) { let m = req.headers; m.len() }",
		"fn handle(req) { let l = [3, 1, 2]; l.sort(|a, b| a - b); l.to_json() }",
		"fn handle(req) { try { 1 / 0 } catch (e) { e.message } }",
		"fn handle(req) { req.query.a + req.path + req.params.id + req.cookies.c }",
		"fn handle(req) { print(time::now() > 0); log::warn(req.ip); response(201, #{ a: req.id }) }",
	} {
		e := New(Config{})
		lib := shelf{"main": source}
		var first *picloud.Outcome
		for i := range 6 {
			out := e.Run(t.Context(), &picloud.Execution{
				ID: "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a", AppID: "app", App: "shop", Script: "main", Version: 3, Hash: "main",
				Limits: picloud.DefaultLimits(), Trigger: picloud.TriggerHTTP, Request: request(),
			}, lib)
			if first == nil {
				first = out
			}
			if out.Operations != first.Operations || out.PeakBytes != first.PeakBytes {
				t.Errorf("%s\nrun %d took %d operations and %d bytes, the first %d and %d", source, i+1, out.Operations, out.PeakBytes, first.Operations, first.PeakBytes)
			}
		}
	}
}
