package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withPassword runs a command that reads a password from standard input.
func (u *user) withPassword(password string, args ...string) {
	u.t.Helper()
	if r := u.try(password+"\n", append(args, "--password-stdin")...); r.code != 0 {
		u.t.Fatalf("picloud %s: exit status %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
}

// join has somebody made by u, and signs them in.
func (u *user) join(s *server, name, role, password string) *user {
	u.t.Helper()
	u.withPassword(password, "users", "add", name, "--email", name+"@example.com", "--role", role)
	v := newUser(u.t)
	v.login(s, name, password)
	return v
}

// robot is a machine that has nothing but a key.
func robot(t *testing.T, s *server, key string) *user {
	t.Helper()
	r := newUser(t)
	r.env = append(r.env, "PICLOUD_URL="+s.admin, "PICLOUD_TOKEN="+key)
	return r
}

// TestPeople is a day in the life of an instance with several people on it.
func TestPeople(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ada := signIn(t, s)
	adam := ada.join(s, "adam", "admin", "a morning in the garden")
	bob := adam.join(s, "bob", "member", "an endless walk of two")
	eve := adam.join(s, "eve", "member", "the quietest of evenings")
	adam.run("apps", "create", "shop")
	adam.run("members", "add", "bob", "editor", "--app", "shop")
	adam.run("members", "add", "eve", "viewer", "--app", "shop")

	// Who may deploy, and who may not.
	bob.write("hello.rhai", "fn handle(req) { `${req.auth.kind} ${req.auth.user} ${req.auth.role}` }")
	bob.run("deploy", "hello.rhai", "--app", "shop", "--route", "/hello auth=member", "--route", "/robots auth=key")
	eve.write("hello.rhai", "1")
	eve.fails(refused, []string{"deploy", "hello.rhai", "--app", "shop"}, "viewer")
	eve.fails(failed, []string{"list", "--app", "default"}, `no app "default"`)
	eve.fails(refused, []string{"users"}, "your role, member")
	adam.fails(refused, []string{"users", "set", "ada", "--role", "member"}, "only an owner")
	adam.fails(refused, []string{"users", "set", "adam", "--role", "owner"}, "owner")
	ada.fails(failed, []string{"users", "set", "ada", "--role", "admin"}, "last active owner")

	// A machine deploys with a key of Bob's, and does nothing else.
	key := strings.TrimSpace(bob.run("keys", "create", "ci", "--scope", "deploy", "--app", "shop"))
	ci := robot(t, s, key)
	ci.write("other.rhai", `"from a machine"`)
	ci.run("deploy", "other.rhai", "--app", "shop")
	ci.fails(refused, []string{"keys"}, "API key cannot do this")
	ci.fails(failed, []string{"list", "--app", "default"}, `no app "default"`)

	// Routes for callers.
	call := func(path, token string) answer {
		edits := []edit{host("shop.localhost")}
		if token != "" {
			edits = append(edits, header("Authorization", "Bearer "+token))
		}
		return do(t, http.MethodGet, s.public+path, "", edits...)
	}
	want := func(a answer, status int, body string) {
		t.Helper()
		if a.status != status || body != "" && a.body != body {
			t.Errorf("%s; want %d %s", a, status, body)
		}
	}
	caller := strings.TrimSpace(eve.run("keys", "create", "calls", "--scope", "invoke"))
	want(call("/robots", ""), 401, "")
	want(call("/robots", key), 403, "") // its scope does not cover it
	want(call("/robots", caller), 200, "key eve viewer")
	want(call("/hello", caller), 200, "key eve viewer")
	want(call("/hello", bob.token()), 200, "user bob editor")
	want(call("/robots", bob.token()), 403, "")

	// What ends somebody's access ends it on the public side too, at once.
	var keys []struct{ ID, Name string }
	eve.json(&keys, "keys")
	eve.run("keys", "revoke", keys[0].ID)
	want(call("/hello", caller), 401, "")
	adam.run("members", "remove", "bob", "--app", "shop")
	want(call("/hello", bob.token()), 403, "")
	ci.fails(failed, []string{"deploy", "other.rhai", "--app", "shop"}, `no app "shop"`)
	adam.run("users", "disable", "bob")
	want(call("/hello", bob.token()), 401, "")
	ci.fails(refused, []string{"whoami"}, "not valid, or not any more")
	bob.fails(refused, []string{"whoami"}, "sign in again")

	// All of it is on record, and survives a restart.
	s.stop()
	s.start()
	ada.login(s, ownerName, ownerPassword)
	var page struct {
		Entries []struct{ Username, Action, Outcome, Target, App, KeyName string }
	}
	ada.json(&page, "audit", "--limit", "500")
	for _, want := range []struct{ username, action, outcome, target string }{
		{"ada", "login", "ok", "ada"}, {"ada", "create-user", "ok", "adam"}, {"adam", "put-member", "ok", "bob"},
		{"eve", "deploy", "forbidden", ""}, {"adam", "change-user", "forbidden", "ada"}, {"ada", "change-user", "last_owner", "ada"},
		{"bob", "create-key", "ok", "ci"}, {"bob", "deploy", "ok", "other"}, {"adam", "change-user", "ok", "bob"},
	} {
		found := false
		for _, e := range page.Entries {
			found = found || e.Username == want.username && e.Action == want.action && e.Outcome == want.outcome && e.Target == want.target
		}
		if !found {
			t.Errorf("the audit log lacks %+v", want)
		}
	}
}

// token is the session that a user's client keeps.
func (u *user) token() string {
	u.t.Helper()
	text, err := os.ReadFile(filepath.Join(u.dir, "session.json"))
	var session struct{ Token string }
	if err == nil {
		err = json.Unmarshal(text, &session)
	}
	if err != nil || session.Token == "" {
		u.t.Fatalf("no session: %v, %s", err, text)
	}
	return session.Token
}

// TestSecretsStayWhereTheyAre plants passwords, keys and sessions, uses them in
// right and wrong ways, and looks for them in all that the server keeps, says
// and answers.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ada := signIn(t, s)
	const bobsPassword, nextPassword, misplaced = "canary yellow walks 1", "canary orange flies 2", "canary typed as a name 3"
	bob := ada.join(s, "bob", "admin", bobsPassword)
	key := strings.TrimSpace(bob.run("keys", "create", "ci", "--scope", "admin"))
	invoke := strings.TrimSpace(ada.run("keys", "create", "calls", "--scope", "invoke"))
	ada.write("tell.rhai", `fn handle(req) { log::info(req.headers.to_string()); print(req.cookies); req.headers.to_map() }`)
	ada.run("deploy", "tell.rhai", "--route", "/tell", "--route", "/mine auth=member")

	var said bytes.Buffer // all that was answered
	keep := func(a answer) answer {
		said.WriteString(a.body)
		_ = a.header.Write(&said)
		return a
	}
	// A script that is given what is not its own, and people who mistype.
	for _, path := range []string{"/tell", "/mine"} {
		for _, token := range []string{key, invoke, bob.token()} {
			keep(do(t, http.MethodGet, s.public+path, "", header("Authorization", "Bearer "+token)))
		}
		keep(do(t, http.MethodGet, s.public+path, "", header("Cookie", "__Host-picloud="+bob.token())))
	}
	admin := signInAPI(t, s)
	anybody := &api{t: t, base: admin.base}
	for _, body := range []map[string]any{
		{"login": misplaced, "password": "x"}, {"login": "bob", "password": misplaced}, {"login": key, "password": key}, {"password": misplaced}, {"login": 1, "password": misplaced},
	} {
		keep(anybody.postJSON("/login", body))
	}
	keep(admin.postJSON("/users", map[string]any{"username": "x", "email": "x@example.com", "password": "short", "secret": misplaced}))
	keep(admin.send(http.MethodPatch, "/users/bob", `{"password":"`+nextPassword+`"}`))
	keep((&api{t: t, base: admin.base, token: key}).send(http.MethodGet, "/me", ""))
	keep((&api{t: t, base: admin.base, token: key[:len(key)-1] + "2"}).send(http.MethodGet, "/me", ""))
	for _, path := range admin.readable() {
		keep(admin.send(http.MethodGet, path, ""))
	}
	keep(answer{body: ada.run("logs", "tell") + ada.run("invocations") + ada.run("audit", "--limit", "500", "-o", "json")})
	session := bob.token()
	s.stop()
	canaries := map[string]string{
		"the owner's password": ownerPassword, "a password": bobsPassword, "a new password": nextPassword, "what was mistyped": misplaced,
		"a key": secretOf(key), "another key": secretOf(invoke), "a session": session, "the owner's session": admin.token,
	}
	places := map[string][]byte{"the answers": said.Bytes(), "the server's output": []byte(s.Output())}
	readAll(t, s.data, places)
	for place, text := range places {
		for name, canary := range canaries {
			if bytes.Contains(text, []byte(canary)) {
				t.Errorf("%s holds %s", place, name)
			}
		}
	}
	if len(places) < 3 || !bytes.Contains(places["the answers"], []byte("bob@example.com")) {
		t.Errorf("nothing was looked at: %d places", len(places))
	}
}

// secretOf is the part of a key that is secret.
func secretOf(key string) string { return key[strings.LastIndexByte(key, '_')+1:] }

// readAll reads all files below a folder.
func readAll(t *testing.T, dir string, into map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		into[name], err = os.ReadFile(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readable lists everything that can be read from the API and ends by itself,
// by its own description.
func (a *api) readable() []string {
	a.t.Helper()
	var spec struct {
		Paths map[string]map[string]json.RawMessage
	}
	do(a.t, http.MethodGet, strings.TrimSuffix(a.base, "/v1")+"/openapi.json", "").decode(a.t, &spec)
	fill := strings.NewReplacer("{app}", "default", "{script}", "tell", "{user}", "bob", "{id}", "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a", "{domain}", "a.example")
	var list []string
	for path, methods := range spec.Paths {
		if _, ok := methods["get"]; ok && !strings.HasSuffix(path, "/stream") {
			list = append(list, fill.Replace(strings.TrimPrefix(path, "/api/v1")))
		}
	}
	if len(list) < 15 {
		a.t.Fatalf("only %d paths can be read", len(list))
	}
	return list
}
