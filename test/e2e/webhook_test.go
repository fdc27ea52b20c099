package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

const (
	webhookSecret = "it's a secret to everybody"
	deliveryID    = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
)

// copyExample puts the files of examples/github-webhook where the user is, with
// this test's secret.
func (u *user) copyExample() {
	u.t.Helper()
	dir := testenv.Path(u.t, "examples", "github-webhook")
	for _, name := range []string{"webhook.rhai", "checked.rhai", "picloud.toml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			u.t.Fatal(err)
		}
		u.write(filepath.Join("github-webhook", name), strings.ReplaceAll(string(text), "change me", webhookSecret))
	}
}

// edit replaces a text in a file where the user is; it has to be there.
func (u *user) edit(name, from, to string) {
	u.t.Helper()
	text, err := os.ReadFile(filepath.Join(u.dir, name))
	if err != nil {
		u.t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		u.t.Fatalf("%s does not hold %q", name, from)
	}
	u.write(name, strings.Replace(string(text), from, to, 1))
}

// sign is what GitHub puts into X-Hub-Signature-256.
func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// deliver sends a webhook as GitHub does.
func deliver(t *testing.T, url, event, body, signature string) answer {
	t.Helper()
	return do(t, http.MethodPost, url, body,
		header("Content-Type", "application/json"),
		header("User-Agent", "GitHub-Hookshot/044aadd"),
		header("X-GitHub-Event", event),
		header("X-GitHub-Delivery", deliveryID),
		header("X-Hub-Signature-256", signature))
}

// TestGitHubWebhook deploys the example project and sends it real deliveries.
func TestGitHubWebhook(t *testing.T) {
	t.Parallel()
	bodies := testenv.Shared(t, "fixtures", "github")
	s := startServer(t)
	u := signIn(t, s)
	u.copyExample()
	u.run("deploy", "github-webhook")
	url := s.public + "/github"

	for file, want := range map[string]struct{ event, summary, repository string }{
		"push.json":                   {"push", "Codertocat deleted tag simple-tag", "Codertocat/Hello-World"},
		"issues.opened.json":          {"issues", "issue #1 opened: Spelling error in the README file", "Codertocat/Hello-World"},
		"issue_comment.created.json":  {"issue_comment", "Codertocat commented on #1: You are totally right! I'll get this fixed right away.", "Codertocat/Hello-World"},
		"pull_request.opened.json":    {"pull_request", "pull request #2 opened: Update the README with new information. (+1 -1) [bug]", "Codertocat/Hello-World"},
		"release.published.json":      {"release", "release 0.0.1 published", "Codertocat/Hello-World"},
		"workflow_run.completed.json": {"workflow_run", "workflow test #163 on master: success", "octo-org/octo-repo"},
	} {
		text, err := os.ReadFile(filepath.Join(bodies, file))
		if err != nil {
			t.Fatal(err)
		}
		body := string(text)
		a := deliver(t, url, want.event, body, sign(webhookSecret, body))
		if a.status != 200 {
			t.Errorf("%s: the answer is %s", file, a)
			continue
		}
		var got struct{ Event, Delivery, Repository, Sender, Summary string }
		a.decode(t, &got)
		if got.Event != want.event || got.Delivery != deliveryID || got.Repository != want.repository || got.Summary != want.summary || got.Sender == "" {
			t.Errorf("%s: the summary is %+v, want %+v", file, got, want)
		}
		if a := deliver(t, url, want.event, body, sign("another secret", body)); a.status != 401 || !strings.Contains(a.body, "signature is wrong") {
			t.Errorf("%s with a wrong signature: the answer is %s, want 401", file, a)
		}
		if a := deliver(t, url, want.event, body+" ", sign(webhookSecret, body)); a.status != 401 {
			t.Errorf("%s changed on its way: the answer is %s, want 401", file, a)
		}
	}

	if a := do(t, http.MethodPost, url, "{}", header("Content-Type", "application/json")); a.status != 401 {
		t.Errorf("without a signature: the answer is %s, want 401", a)
	}
	if a := deliver(t, url, "star", "{}", sign(webhookSecret, "{}")); a.status != 202 {
		t.Errorf("an event that nobody asked about: the answer is %s, want 202", a)
	}
	if a := deliver(t, url, "push", "{", sign(webhookSecret, "{")); a.status != 400 {
		t.Errorf("signed, but not JSON: the answer is %s, want 400", a)
	}
	if a := do(t, http.MethodGet, url, ""); a.status != 405 || !strings.Contains(a.header.Get("Allow"), "POST") {
		t.Errorf("GET: the answer is %s, want 405", a)
	}
}

// TestTheLifeOfAScript takes the webhook through everything that happens to a
// script: versions, rollback, logs, switching off, a crash, and the end.
func TestTheLifeOfAScript(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	u := signIn(t, s)
	u.copyExample()
	ping := func() answer {
		t.Helper()
		body := `{"zen":"Design for failure.","repository":{"full_name":"a/b"},"sender":{"login":"ada"}}`
		return deliver(t, s.public+"/github", "ping", body, sign(webhookSecret, body))
	}
	wantSummary := func(when, want string) {
		t.Helper()
		if a := ping(); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: the answer is %s, want it to say %q", when, a, want)
		}
	}

	u.run("deploy", "github-webhook")
	wantSummary("version 1", "GitHub says hello")
	u.edit("github-webhook/webhook.rhai", "GitHub says hello", "GitHub says hello again")
	u.run("deploy", "github-webhook")
	wantSummary("version 2", "GitHub says hello again")

	var versions struct {
		Live     int
		Versions []struct{ Number int }
	}
	u.json(&versions, "versions", "webhook")
	if versions.Live != 2 || len(versions.Versions) != 2 {
		t.Errorf("picloud versions says %+v, want two, the second live", versions)
	}

	u.run("rollback", "webhook")
	wantSummary("rolled back", `GitHub says hello"`)
	if source := u.run("source", "webhook"); !strings.Contains(source, `"GitHub says hello"`) {
		t.Errorf("picloud source after the rollback is not version 1:\n%s", source)
	}
	u.run("rollback", "webhook", "2")
	wantSummary("rolled forward", "GitHub says hello again")
	u.fails(failed, []string{"rollback", "webhook", "9"}, "9")

	if list := u.run("list"); !strings.Contains(list, "webhook") {
		t.Errorf("picloud list:\n%s", list)
	}
	if show := u.run("show", "webhook"); !strings.Contains(show, "POST /github") {
		t.Errorf("picloud show does not name the route:\n%s", show)
	}

	u.write("push.json", `{"ref":"refs/heads/main"}`)
	r := u.try("", "invoke", "webhook", "-d", "@push.json")
	if !strings.Contains(r.stdout, "not signed") {
		t.Errorf("picloud invoke says %q %q, want that the request is not signed", r.stdout, r.stderr)
	}
	testenv.Eventually(t, "the log tells of the pings", func() bool {
		return strings.Contains(u.run("logs", "webhook"), "ping: GitHub says hello again")
	})
	var line map[string]any
	lines := strings.Split(strings.TrimSpace(u.run("logs", "webhook", "-o", "json")), "\n")
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || line["invocation_id"] == "" {
		t.Errorf("picloud logs -o json: %v\n%s", err, lines[0])
	}

	u.run("disable", "webhook")
	if a := ping(); a.status != 503 || a.problem() != "script_disabled" {
		t.Errorf("disabled: the answer is %s, want 503", a)
	}
	u.run("enable", "webhook")
	wantSummary("enabled", "GitHub says hello again")

	s.Kill()
	s.start()
	wantSummary("after a kill", "GitHub says hello again")
	u = signIn(t, s) // the ports are new
	u.json(&versions, "versions", "webhook")
	if versions.Live != 2 || len(versions.Versions) != 2 {
		t.Errorf("after a kill picloud versions says %+v", versions)
	}

	u.run("delete", "webhook", "--yes")
	if a := ping(); a.status != 404 {
		t.Errorf("deleted: the answer is %s, want 404", a)
	}
	u.fails(failed, []string{"show", "webhook"}, "webhook")
}

// TestSignedWebhook has the server check GitHub's signatures: with a secret that
// is not there yet, one that is replaced, deliveries that come again, also after
// a kill, and a sender who does not know the secret.
func TestSignedWebhook(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.listen = strings.TrimPrefix(s.public, "http://")
	u := signIn(t, s)
	u.copyExample()
	u.run("deploy", "github-webhook")
	if out := u.run("show", "checked"); !strings.Contains(out, "POST /github/checked webhook=github:GITHUB_SECRET") {
		t.Errorf("show says\n%s", out)
	}
	const body = `{"zen":"Design for failure."}`
	send := func(id, secret string) answer {
		t.Helper()
		return do(t, http.MethodPost, s.public+"/github/checked", body, header("X-GitHub-Event", "ping"),
			header("X-GitHub-Delivery", id), header("X-Hub-Signature-256", sign(secret, body)))
	}
	set := func(name, value string) {
		t.Helper()
		if r := u.try(value+"\n", "secrets", "set", name); r.code != 0 {
			t.Fatalf("secrets set: %s", r.stderr)
		}
	}
	if a := send("1", webhookSecret); a.status != 503 || a.problem() != "unavailable" {
		t.Errorf("without a secret: %s", a)
	}
	set("GITHUB_SECRET", webhookSecret)
	if a := send("1", webhookSecret); a.status != 200 || !strings.Contains(a.body, `"number":1`) {
		t.Errorf("signed: %s", a)
	}
	if a := send("2", "another secret"); a.status != 401 || a.problem() != "webhook_signature" {
		t.Errorf("signed by somebody else: %s", a)
	}
	again := func(when string) {
		t.Helper()
		if a := send("1", webhookSecret); a.status != 200 || a.header.Get("PiCloud-Duplicate") != "true" {
			t.Errorf("the same %s: %s", when, a)
		}
	}
	again("again")
	testenv.Eventually(t, "the history says why webhooks were refused", func() bool {
		out := u.run("invocations", "checked", "-o", "json")
		return strings.Contains(out, "the signature is wrong") && strings.Contains(out, "there is no such secret, or it is empty: GITHUB_SECRET")
	})
	s.Kill()
	_ = s.Wait(t) // by a signal
	s.start()
	u.login(s, ownerName, ownerPassword)
	again("after a kill")
	if a := send("2", webhookSecret); !strings.Contains(a.body, `"number":2`) {
		t.Errorf("the next one: %s", a)
	}
	set("NEW_SECRET", "new")
	u.edit("github-webhook/picloud.toml", "webhook=github:GITHUB_SECRET", "webhook=github:NEW_SECRET,GITHUB_SECRET")
	u.run("deploy", "github-webhook")
	for id, secret := range map[string]string{"3": "new", "4": webhookSecret} {
		if a := send(id, secret); a.status != 200 {
			t.Errorf("with one of two secrets: %s", a)
		}
	}
	u.run("secrets", "delete", "GITHUB_SECRET")
	if a := send("5", webhookSecret); a.status != 401 {
		t.Errorf("with the one that is gone: %s", a)
	}
	u.edit("github-webhook/picloud.toml", "webhook=github:", "webhook=gitlab:")
	u.fails(failed, []string{"deploy", "github-webhook"}, "webhook is standard, github, stripe, slack or hmac")
}
