package orchestrator

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes the HTTP server of the public listener for a handler, with
// the bounds that strangers call for. Its own bound on a request's head is
// above the handler's, which has the better answer.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		// Above any wall time with its waiting: the handler bounds what is
		// usual, this what is forgotten.
		WriteTimeout:   30 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		// What clients do wrong is not worth more.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
