package manager

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// setupPath is the page of the one-time setup link.
const setupPath = "/setup"

const maxSetupForm = 16 << 10

//go:embed setup.html
var setupHTML string

// setupStyleHash is the SHA-256 of the page's style element; a test keeps it
// true.
const setupStyleHash = "sha256-ecL4AQCdSuXzdIOt1OtyJj7OY++Cpg89ifMgr0xPtS4="

// setupPolicy allows the page its own style and its own form, and nothing else.
const setupPolicy = "default-src 'none'; style-src '" + setupStyleHash + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

var setupTemplate = template.Must(template.New("setup").Parse(setupHTML))

// setupPage is what the page shows.
type setupPage struct {
	Token, Username, Email string
	Error                  string
	Field                  string // the field that the error is about
	Done                   bool   // an owner has just been created
	Closed                 bool   // there was one already
	Login                  string // the command with which they sign in
}

// setupForm shows the form. Whether the token is right is told when it is used.
func (m *Manager) setupForm(w http.ResponseWriter, r *http.Request) {
	required, err := m.auth.SetupRequired(r.Context())
	if err != nil {
		m.writeProblem(w, r, err)
		return
	}
	if !required {
		m.showSetup(w, r, http.StatusConflict, setupPage{Closed: true})
		return
	}
	m.showSetup(w, r, http.StatusOK, setupPage{Token: r.URL.Query().Get("token")})
}

// setupSubmit creates the owner from the form. It is a plain form post: the
// page works without JavaScript.
func (m *Manager) setupSubmit(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSetupForm)
	if err := r.ParseForm(); err != nil {
		m.showSetup(w, r, http.StatusBadRequest, setupPage{Error: "The form could not be read."})
		return
	}
	page := setupPage{
		Token: r.PostForm.Get("token"), Username: r.PostForm.Get("username"), Email: r.PostForm.Get("email"),
	}
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("repeat") {
		page.Error, page.Field = "The two passwords differ.", "password"
		m.showSetup(w, r, http.StatusUnprocessableEntity, page)
		return
	}
	user, err := m.createOwner(r.Context(), api.Setup{
		Token: page.Token, Username: page.Username, Email: page.Email, Password: password,
	})
	switch {
	case picloud.IsCode(err, picloud.CodeSetupDone):
		m.showSetup(w, r, http.StatusConflict, setupPage{Closed: true})
	case err != nil:
		p := problemOf(r.Context(), m.log, err)
		page.Error = sentence(p.Detail)
		if len(p.Errors) > 0 {
			page.Field = strings.TrimPrefix(p.Errors[0].Pointer, "#/")
		}
		m.showSetup(w, r, p.Status, page)
	default:
		m.showSetup(w, r, http.StatusCreated, setupPage{
			Done: true, Username: user.Username, Login: "picloud login http://" + r.Host + " --username " + user.Username,
		})
	}
}

func (m *Manager) showSetup(w http.ResponseWriter, r *http.Request, status int, page setupPage) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", setupPolicy)
	w.WriteHeader(status)
	if err := setupTemplate.Execute(w, page); err != nil && r.Context().Err() == nil {
		m.log.WarnContext(r.Context(), "setup page not shown", "err", err)
	}
}

// sentence makes a message of an error one that stands alone.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
