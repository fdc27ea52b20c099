package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
)

// api speaks to the admin API as the owner, for what the command line would
// not send.
type api struct {
	t     *testing.T
	base  string
	token string
}

func signInAPI(t *testing.T, s *server) *api {
	t.Helper()
	a := &api{t: t, base: s.admin + "/api/v1"}
	var session struct{ Token string }
	resp := a.postJSON("/login", map[string]any{"login": ownerName, "password": ownerPassword})
	resp.decode(t, &session)
	if resp.status != 200 || session.Token == "" {
		t.Fatalf("login = %s", resp)
	}
	a.token = session.Token
	return a
}

func (a *api) send(method, path, body string) answer {
	a.t.Helper()
	return do(a.t, method, a.base+path, body,
		header("Authorization", "Bearer "+a.token), header("Content-Type", "application/json"))
}

func (a *api) postJSON(path string, body any) answer {
	a.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.send(http.MethodPost, path, string(text))
}

// deploy sends a deploy of one script of the default app; more are further
// fields of the script.
func (a *api) deploy(name, source string, more map[string]any) answer {
	a.t.Helper()
	script := map[string]any{"name": name, "source": source}
	for k, v := range more {
		script[k] = v
	}
	return a.postJSON("/apps/default/deployments", map[string]any{"scripts": []any{script}})
}
