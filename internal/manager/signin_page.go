package manager

import (
	"context"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/picloud"
)

// The pages with which a browser signs in. They work without JavaScript.
const (
	homePath       = "/{$}"
	signInPath     = "/sign-in"
	signInCodePath = "/sign-in/code"
	signOutPath    = "/sign-out"

	maxSignInForm = 16 << 10
)

//go:embed signin.html
var signInHTML string

var signInTemplate = template.Must(template.New("sign-in").Parse(signInHTML))

// signInPage is what the page shows.
type signInPage struct {
	Title     string
	Error     string
	WhyNot    string // why one cannot sign in here
	Login     string // that was typed
	Provider  string // "" when there is none
	Challenge string // of the second factor that is asked for
	User      string // who is signed in
	Address   string // of this server
	Next      string // where to go on
}

func (m *Manager) registerSignInPages() {
	m.mux.HandleFunc("GET "+homePath, m.home)
	m.mux.HandleFunc("GET "+signInPath, m.signInForm)
	m.mux.HandleFunc("POST "+signInPath, m.signInSubmit)
	m.mux.HandleFunc("POST "+signInCodePath, m.signInCode)
	m.mux.HandleFunc("POST "+signOutPath, m.signOut)
	m.mux.HandleFunc("GET /login/oidc", m.departToProvider)
	m.mux.HandleFunc("GET "+auth.ProviderCallback, m.returnFromProvider)
}

func (m *Manager) showSignIn(w http.ResponseWriter, r *http.Request, status int, page signInPage) {
	if page.Title == "" {
		page.Title = "Sign in"
	}
	page.Provider = m.auth.Provider()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", setupPolicy)
	w.WriteHeader(status)
	if err := signInTemplate.Execute(w, page); err != nil && r.Context().Err() == nil {
		m.log.WarnContext(r.Context(), "sign-in page not shown", "err", err)
	}
}

// showSignInError shows an error on the page that it is about.
func (m *Manager) showSignInError(w http.ResponseWriter, r *http.Request, err error, page signInPage) {
	p := problemOf(r.Context(), m.log, err)
	page.Error = sentence(p.Detail)
	for name, values := range problemHeaders(err) {
		w.Header()[name] = values
	}
	w.Header().Del("WWW-Authenticate") // it is about bearer tokens
	m.showSignIn(w, r, p.Status, page)
}

// home shows who is signed in, and leads anybody else to the form.
func (m *Manager) home(w http.ResponseWriter, r *http.Request) {
	p, err := m.authenticate(r)
	if picloud.IsCode(err, picloud.CodeUnauthenticated) {
		http.Redirect(w, r, signInPath, http.StatusSeeOther)
		return
	}
	if err != nil {
		m.writeProblem(w, r, err)
		return
	}
	info := requestOf(r.Context())
	m.showSignIn(w, r, http.StatusOK, signInPage{Title: "PiCloud", User: p.User.Username, Address: info.scheme + "://" + info.host})
}

func (m *Manager) signInForm(w http.ResponseWriter, r *http.Request) {
	m.showSignIn(w, r, http.StatusOK, signInPage{WhyNot: sentenceStart(requestOf(r.Context()).cookieLost())})
}

// readForm reads a posted form, and refuses it where a browser would lose the
// session.
func (m *Manager) readForm(w http.ResponseWriter, r *http.Request) bool {
	if why := requestOf(r.Context()).cookieLost(); why != "" {
		m.showSignIn(w, r, http.StatusForbidden, signInPage{WhyNot: sentenceStart(why)})
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxSignInForm)
	if err := r.ParseForm(); err != nil {
		m.showSignIn(w, r, http.StatusBadRequest, signInPage{Error: "The form could not be read."})
		return false
	}
	return true
}

func (m *Manager) signInSubmit(w http.ResponseWriter, r *http.Request) {
	if !m.readForm(w, r) {
		return
	}
	from := client(r.Context())
	login := r.PostForm.Get("login")
	s, err := m.auth.Login(r.Context(), auth.Login{
		Login: login, Password: r.PostForm.Get("password"), Address: from.Address, UserAgent: from.UserAgent,
	})
	m.goOn(w, r, "login", s, err, signInPage{Login: login})
}

func (m *Manager) signInCode(w http.ResponseWriter, r *http.Request) {
	if !m.readForm(w, r) {
		return
	}
	challenge := r.PostForm.Get("challenge")
	s, err := m.auth.LoginCode(r.Context(), challenge, r.PostForm.Get("code"), client(r.Context()))
	page := signInPage{Challenge: challenge}
	if picloud.IsCode(err, picloud.CodeUnauthenticated) {
		page.Challenge = "" // it is over; start again
	}
	m.goOn(w, r, "login-code", s, err, page)
}

// goOn answers a form with what a step of signing in has led to, and writes it
// down as the API's operation of that name would be.
func (m *Manager) goOn(w http.ResponseWriter, r *http.Request, id string, s auth.SignedIn, err error, page signInPage) {
	ctx := r.Context()
	if err == nil {
		out := m.signedIn(ctx, s, true)
		for _, c := range out.SetCookie {
			http.SetCookie(w, &c)
		}
	}
	m.auditPageOf(ctx, id, err)
	switch {
	case err != nil:
		m.showSignInError(w, r, err, page)
	case s.Challenge != nil:
		m.showSignIn(w, r, http.StatusOK, signInPage{Challenge: s.Challenge.Token})
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// auditPageOf writes down what a page did, by nobody unless the auditor was
// told.
func (m *Manager) auditPageOf(ctx context.Context, id string, err error) {
	m.audit(ctx, operation{id: id, method: http.MethodPost}, picloud.Principal{}, "", err)
}

func (m *Manager) signOut(w http.ResponseWriter, r *http.Request) {
	p, err := m.authenticate(r)
	if err == nil {
		err = m.auth.Logout(r.Context(), p)
	}
	if err != nil && !picloud.IsCode(err, picloud.CodeUnauthenticated) {
		m.writeProblem(w, r, err)
		return
	}
	if p.Authenticated() {
		auditing(r.Context()).by(p.User)
		m.auditPageOf(r.Context(), "logout", nil)
	}
	gone := sessionCookie("", -1)
	http.SetCookie(w, &gone)
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}

// sentenceStart makes a message of an error begin a sentence.
func sentenceStart(s string) string {
	if s == "" {
		return ""
	}
	full := sentence(s)
	return full[:len(full)-1]
}
