package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// readyTimeout bounds a readiness check.
const readyTimeout = 3 * time.Second

// registerPages enters what is not part of the API.
func (m *Manager) registerPages() error {
	spec, err := json.Marshal(m.api.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	m.spec = spec
	m.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, http.StatusOK, "ok") })
	m.mux.HandleFunc("GET /readyz", m.readyz)
	m.mux.HandleFunc("GET /api/openapi.json", m.openapi)
	m.mux.HandleFunc("GET "+metricsPath, m.exposition)
	m.mux.HandleFunc("GET "+setupPath, m.setupForm)
	m.mux.HandleFunc("POST "+setupPath, m.setupSubmit)
	m.registerSignInPages()
	m.mux.HandleFunc("/", m.fallback)
	return nil
}

// readyz tells whether the instance serves. Health, above, only tells that the
// process is there.
func (m *Manager) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	err := m.ready(ctx)
	if err == nil && m.draining.Err() != nil {
		err = picloud.Errorf(picloud.CodeUnavailable, "the server is stopping")
	}
	if err != nil {
		m.log.WarnContext(r.Context(), "not ready", "err", err)
		writeStatus(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	writeStatus(w, http.StatusOK, "ready")
}

func writeStatus(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, "{\"status\":%q}\n", status)
}

func (m *Manager) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(m.spec) // the client may be gone
}
