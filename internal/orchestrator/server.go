package orchestrator

import (
	"log/slog"
	"net/http"

	"github.com/picloud/picloud/internal/httpd"
)

// NewServer makes the HTTP server of the public listener. Its handler is an
// Orchestrator, which bounds bodies and answers; how long heads and pauses may
// take, and how large heads may be, are the server's own bounds.
func NewServer(h http.Handler, log *slog.Logger) *httpd.Server {
	return &httpd.Server{Handler: h, Log: log}
}
