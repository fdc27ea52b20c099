package manager

import (
	"net/http"
	"strings"
)

// showPages answers browsers with the dashboard, if there is one. It does so
// before anybody has signed in and before there is an owner: the files hold
// nothing of the instance, and what they show comes from the API.
func (m *Manager) showPages(next http.Handler) http.Handler {
	if m.pages == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) <= maxTarget && m.isPage(r) {
			m.pages.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isPage tells a browser that opens a page, or loads a file of one, from
// programs that ask for the same path: those get what the path has for them.
func (m *Manager) isPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	path := r.URL.Path
	switch {
	case m.pages.Holds(path) || strings.HasPrefix(path, "/_app/"):
		return true
	case strings.HasPrefix(path, "/api/"), strings.HasPrefix(path, "/login/"), path == "/healthz", path == "/readyz", path == "/metrics":
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
