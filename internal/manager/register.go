package manager

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// Bounds of requests. Whoever needs more says so in its operation.
const (
	defaultBodyBytes = 64 << 10
	bodyTimeout      = 30 * time.Second
	answerTimeout    = 30 * time.Second // after the request was read, to work and to write
)

// humaConfig describes the API. It is made by hand and not from huma's default,
// which adds links to schemas to every body and a documentation page that loads
// scripts from elsewhere.
func humaConfig(version string) huma.Config {
	format := huma.Format{Marshal: marshalJSON, Unmarshal: unmarshalJSON}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "PiCloud admin API",
				Version:     version,
				Description: "Everything that the command line and the dashboard do. Errors are application/problem+json with a stable code.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "The token of a session, or an API key"},
					"cookie": {Type: "apiKey", In: "cookie", Name: CookieName, Description: "The session of a browser"},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

func marshalJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

var errNotUTF8 = errors.New("the body is not valid UTF-8")

// unmarshalJSON refuses bad UTF-8, which encoding/json would replace in
// silence: a source must be stored as it was sent, or not at all.
func unmarshalJSON(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8
	}
	return json.Unmarshal(data, v)
}

// operation is one route of the API.
type operation struct {
	id         string // a verb and a noun, for generated clients
	method     string
	path       string // below api.Prefix
	tag        string
	summary    string
	capability access.Capability
	maxBody    int64         // 0 means defaultBodyBytes
	timeout    time.Duration // 0 means answerTimeout; negative: the handler sees to it
	stream     *huma.Schema  // what an event stream sends; nil for JSON
}

// capabilityField is where the OpenAPI description names a route's capability.
const capabilityField = "x-capability"

// register enters a route. The handler is called for a principal who has the
// capability, with an input that has been read and validated.
func register[I, O any](m *Manager, op operation, handle func(context.Context, picloud.Principal, *I) (*O, error)) {
	op.check()
	huma.Register(m.api, op.describe(m), func(ctx context.Context, in *I) (*O, error) {
		p := principalOf(ctx)
		out, err := handle(ctx, p, in)
		m.audit(ctx, op, p, accessOf(ctx).App.Name, err)
		if err != nil {
			return nil, huma.ErrorWithHeaders(problemOf(ctx, m.log, err), problemHeaders(err))
		}
		return out, nil
	})
}

// check refuses an operation whose capability is missing, unknown, or asked
// for on an app that its path does not name. Those are bugs, and no server
// starts with them.
func (op operation) check() {
	_, known := access.PermissionOf(op.capability)
	free := op.capability == access.Anyone || op.capability == access.SignedIn || op.capability == access.Personal
	if !known && !free {
		panic("manager: operation " + op.id + " declares no capability")
	}
	if op.capability.InApp() != strings.HasPrefix(op.path, "/apps/{app}") {
		panic("manager: operation " + op.id + ": its capability and its path do not agree on whether it is about an app")
	}
}

func (op operation) describe(m *Manager) huma.Operation {
	h := huma.Operation{
		OperationID: op.id, Method: op.method, Path: api.Prefix + op.path,
		Summary: op.summary, Tags: []string{op.tag},
		MaxBodyBytes: op.bodyLimit(), BodyReadTimeout: bodyTimeout,
		Extensions:  map[string]any{capabilityField: string(op.capability)},
		Middlewares: huma.Middlewares{m.guard(op)},
		Responses:   map[string]*huma.Response{},
	}
	if op.capability != access.Anyone {
		h.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	if op.stream != nil {
		h.Responses["200"] = &huma.Response{
			Description: "A stream of server-sent events, each with one of these as data",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: op.stream}},
		}
	}
	return h
}

// bodyLimit is how many bytes a body may have.
func (op operation) bodyLimit() int64 {
	if op.maxBody == 0 {
		return defaultBodyBytes
	}
	return op.maxBody
}

// guard authenticates, authorises and looks at the announced size before
// anything of the body is read.
func (m *Manager) guard(op operation) func(huma.Context, func(huma.Context)) {
	timeout := op.timeout
	if timeout == 0 {
		timeout = answerTimeout
	}
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if timeout > 0 {
			// Writers that know no deadline are those of tests.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(bodyTimeout + timeout))
		}
		p, in, err := m.admit(ctx.Context(), op, r, ctx.Param("app"))
		if err != nil {
			m.writeProblem(w, r, err)
			return
		}
		if limit := op.bodyLimit(); r.ContentLength > limit {
			m.writeProblem(w, r, picloud.Errorf(picloud.CodeTooLarge, "the body has %d bytes, at most %d are allowed", r.ContentLength, limit))
			return
		}
		next(huma.WithValue(huma.WithValue(ctx, principalKey, p), accessKey, in))
	}
}

// admit tells who sends a request, and refuses who may not. That somebody who
// is known was refused a change goes to the audit log.
func (m *Manager) admit(ctx context.Context, op operation, r *http.Request, app string) (p picloud.Principal, in picloud.AppAccess, err error) {
	if op.capability == access.Anyone {
		return p, in, nil
	}
	if p, err = m.authenticate(r); err != nil {
		return p, in, err
	}
	noteUser(ctx, p.User.Username)
	if in, err = m.allow(ctx, p, op.capability, app); err != nil {
		m.audit(ctx, op, p, in.App.Name, err)
	}
	return p, in, err
}

// authenticate tells who sends a request. A bearer token goes before a cookie;
// one that is wrong is not made good by a cookie.
func (m *Manager) authenticate(r *http.Request) (picloud.Principal, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return picloud.Principal{}, picloud.Errorf(picloud.CodeUnauthenticated, "only bearer tokens are accepted")
		}
		return m.auth.Authenticate(r.Context(), strings.TrimSpace(token))
	}
	if c, err := r.Cookie(CookieName); err == nil {
		return m.auth.Authenticate(r.Context(), c.Value)
	}
	return picloud.Principal{}, picloud.Errorf(picloud.CodeUnauthenticated, "sign in first")
}
