package manager

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// maxTarget is the longest request target: nothing here needs more.
const maxTarget = 8 << 10

// requestInfo is what is known of a request from its start on. One request,
// one goroutine: the user is noted by it before it is read.
type requestInfo struct {
	id        string
	path      string
	address   string // of the client, without a port
	scheme    string // http or https
	host      string // as the client has it, with its port
	origin    string // of the page that asks, as its browser says; or ""
	fetchSite string // the browser's Sec-Fetch-Site, or ""
	agent     string
	user      string
	entry     picloud.AuditEntry // what handlers say of what they do
}

func requestOf(ctx context.Context) *requestInfo {
	if info, ok := ctx.Value(requestKey).(*requestInfo); ok {
		return info
	}
	return &requestInfo{}
}

func requestID(ctx context.Context) string { return requestOf(ctx).id }

func noteUser(ctx context.Context, name string) { requestOf(ctx).user = name }

// wrap puts around the routes what holds for all of them.
func (m *Manager) wrap(h http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.writeProblem(w, r, picloud.Errorf(picloud.CodeForbidden, "the request comes from a page of another origin"))
	}))
	return m.observe(secure(m.showPages(m.gate(protection.Handler(h)))))
}

// observe gives the request its id, logs it, and turns a panic into a 500.
func (m *Manager) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := m.now()
		info := &requestInfo{
			id: r.Header.Get("X-Request-Id"), path: r.URL.Path, host: r.Host, origin: r.Header.Get("Origin"),
			fetchSite: r.Header.Get("Sec-Fetch-Site"), agent: r.UserAgent(),
		}
		info.address, info.scheme = clientOf(r, m.proxies)
		if picloud.ValidateID("request_id", info.id) != nil {
			info.id = m.ids.New()
		}
		r = r.WithContext(context.WithValue(r.Context(), requestKey, info))
		if r.ContentLength != 0 {
			// Not for requests without a body: a deadline that passes ends the
			// watch for clients that go away, which followers need.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		rec := &recorder{ResponseWriter: w}
		rec.Header().Set("X-Request-Id", info.id)
		defer func() {
			if v := recover(); v != nil {
				if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(v)
				}
				m.log.Error("panic", "request_id", info.id, "value", v, "stack", string(debug.Stack()))
				if rec.status == 0 {
					m.writeProblem(rec, r, picloud.Errorf(picloud.CodeInternal, "something went wrong inside; the request id leads to it in the server's log"))
				}
			}
			m.access(r, info, rec, m.now().Sub(start))
		}()
		next.ServeHTTP(rec, r)
	})
}

// access logs a request, without its query: the setup link has its token there.
func (m *Manager) access(r *http.Request, info *requestInfo, rec *recorder, took time.Duration) {
	level := slog.LevelInfo
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		level = slog.LevelDebug
	}
	m.log.Log(r.Context(), level, "admin request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
		"bytes", rec.bytes, "took", took.Round(time.Microsecond).String(), "address", info.address, "user", info.user, "request_id", info.id)
}

// recorder remembers the status and size of a response.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// secure sets the headers that every answer has. The referrer policy is not
// no-referrer: that makes browsers send the setup form with "Origin: null",
// which the cross-origin protection must refuse on plain http.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// openPaths answer before there is an owner.
var openPaths = []string{"/healthz", "/readyz", setupPath, setupAPIPath}

// gate keeps everything but setup shut until there is an owner, and refuses
// what could not be a request for anything here.
func (m *Manager) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxTarget {
			m.writeProblem(w, r, picloud.Errorf(picloud.CodeURITooLong, "the request target has more than %d bytes", maxTarget))
			return
		}
		if !slices.Contains(openPaths, r.URL.Path) {
			required, err := m.auth.SetupRequired(r.Context())
			if err == nil && required {
				err = picloud.Errorf(picloud.CodeSetupRequired, "this instance has no owner yet; open the setup link that the server printed")
			}
			if err != nil {
				m.writeProblem(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// fallback answers what no route matches: 405 where another method would have.
func (m *Manager) fallback(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := m.mux.Handler(probe); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		m.writeProblem(w, r, picloud.Errorf(picloud.CodeNotFound, "there is nothing at this path"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	m.writeProblem(w, r, picloud.Errorf(picloud.CodeMethodNotAllowed, "%s is not possible here; %s is", r.Method, strings.Join(allowed, ", ")))
}
