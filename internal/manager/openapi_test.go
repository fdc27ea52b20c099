package manager

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
)

// TestOpenAPI keeps docs/openapi.json, from which the client of the dashboard
// is made, as the API is. make generate writes it anew.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	spec := f.m.api.OpenAPI()
	spec.Info.Version = "v1" // not that of the program, which changes with every commit
	raw, err := json.Marshal(spec)
	f.ok(err)
	var b bytes.Buffer
	f.ok(json.Indent(&b, raw, "", " "))
	b.WriteByte('\n')
	golden(t, filepath.Join("..", "..", "..", "docs", "openapi.json"), b.String())
}
