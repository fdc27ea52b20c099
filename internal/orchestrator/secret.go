package orchestrator

import (
	"context"
	"sort"
	"strings"
	"sync"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/secrets"
)

// opened are the secrets that have been used since the table was loaded. What
// sets one is a change of what is live, and the next table knows none.
type opened struct {
	mu     sync.Mutex
	values map[secretKey]string
}

type secretKey struct{ appID, name string }

// secret is the value of a secret of the app; CodeNotFound if there is none.
func (o *Orchestrator) secret(ctx context.Context, appID, name string) (string, error) {
	if o.cfg.Secrets == nil {
		return "", picloud.Errorf(picloud.CodeUnavailable, "this server keeps no secrets")
	}
	t := o.table.Load()
	if t == nil {
		return "", picloud.Errorf(picloud.CodeUnavailable, "the server is starting")
	}
	key := secretKey{appID, name}
	t.opened.mu.Lock()
	value, ok := t.opened.values[key]
	t.opened.mu.Unlock()
	if ok {
		return value, nil
	}
	value, err := o.cfg.Secrets.Value(ctx, appID, name)
	if err != nil {
		return "", err
	}
	t.opened.mu.Lock()
	defer t.opened.mu.Unlock()
	if t.opened.values == nil {
		t.opened.values = map[secretKey]string{}
	}
	t.opened.values[key] = value
	return value, nil
}

// hushed is what an invocation must not say: the secrets that it used, in the
// forms in which it used them. The zero value is ready, and it is safe for
// concurrent use.
type hushed struct {
	mu    sync.Mutex
	marks map[string]string // by the text, what stands for it
	said  *strings.Replacer // nil until it is needed
}

// add has a text be kept back. Short ones are not: they would be found
// everywhere.
func (h *hushed) add(name, text string) {
	if len(text) < picloud.MinScrubbed {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.marks == nil {
		h.marks = map[string]string{}
	}
	if _, known := h.marks[text]; !known {
		h.marks[text], h.said = picloud.SecretMark(name), nil
	}
}

// replacer puts marks in the place of secrets; nil when there are none.
func (h *hushed) replacer() *strings.Replacer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.said == nil && len(h.marks) > 0 {
		texts := make([]string, 0, len(h.marks))
		for text := range h.marks {
			texts = append(texts, text)
		}
		// The longest first: one secret may begin another.
		sort.Slice(texts, func(i, j int) bool { return len(texts[i]) > len(texts[j]) })
		var pairs []string
		for _, text := range texts {
			pairs = append(pairs, text, h.marks[text])
		}
		h.said = strings.NewReplacer(pairs...)
	}
	return h.said
}

// answer is an answer without secrets that were sent: a server may echo them.
func (h *hushed) answer(a *picloud.HTTPAnswer) {
	r := h.replacer()
	if r == nil || a == nil {
		return
	}
	a.URL = r.Replace(a.URL)
	if clean := r.Replace(string(a.Body)); clean != string(a.Body) {
		a.Body = []byte(clean)
		a.Header.Del("Content-Length")
	}
	for name, values := range a.Header {
		for i, v := range values {
			values[i] = r.Replace(v)
		}
		a.Header[name] = values
	}
}

// outcome takes secrets out of what is kept of a run.
func (h *hushed) outcome(out *picloud.Outcome) {
	r := h.replacer()
	if r == nil {
		return
	}
	for i := range out.Logs {
		out.Logs[i].Message = r.Replace(out.Logs[i].Message)
	}
	if e := out.Error; e != nil {
		e.Message, e.SourceLine = r.Replace(e.Message), r.Replace(e.SourceLine)
	}
	if out.Journal != nil {
		out.Journal = []byte(r.Replace(string(out.Journal)))
	}
}

// secret is a secret of the app, which is kept back from now on.
func (h *host) secret(ctx context.Context, name string) (string, error) {
	if err := picloud.ValidateSecretName(name); err != nil {
		return "", err
	}
	value, err := h.o.secret(ctx, h.appID, name)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return "", picloud.Errorf(picloud.CodeNotFound, "the app has no secret %s: set it with picloud secrets set %s", name, name)
	}
	if err != nil {
		return "", err
	}
	h.hushed.add(name, value)
	return value, nil
}

// join puts a text together, with secrets of the app.
func (h *host) join(ctx context.Context, p picloud.Pieces) (string, error) {
	for _, piece := range p {
		if piece.Secret == "" {
			continue
		}
		value, err := h.secret(ctx, piece.Secret)
		if err != nil {
			return "", err
		}
		h.hushed.add(piece.Secret, piece.Write(value))
	}
	return p.Join(func(name string) (string, error) { return h.secret(ctx, name) })
}

// HasSecret implements picloud.Host.
func (h *host) HasSecret(ctx context.Context, name string) (bool, error) {
	_, err := h.secret(ctx, name)
	if picloud.IsCode(err, picloud.CodeNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Sign implements picloud.Host.
func (h *host) Sign(ctx context.Context, s *picloud.Signing) ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	value, err := h.secret(ctx, s.Secret)
	if err != nil {
		return nil, err
	}
	return secrets.Sign(s.Algorithm, value, s.Data)
}

// Verify implements picloud.Host.
func (h *host) Verify(ctx context.Context, s *picloud.Signing, signature []byte) (bool, error) {
	if err := s.Validate(); err != nil {
		return false, err
	}
	value, err := h.secret(ctx, s.Secret)
	if err != nil {
		return false, err
	}
	return secrets.Verify(s.Algorithm, value, s.Data, signature)
}
