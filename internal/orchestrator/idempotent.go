package orchestrator

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
	// holdGrace is how much longer than its wait and its wall time a request
	// may hold its key, for the commit and for being run again.
	holdGrace = 30 * time.Second
	// releaseTime bounds the giving up of a key.
	releaseTime = 10 * time.Second
)

// hold is an idempotent request that is being run. A nil one is a request that
// is not idempotent.
type hold struct {
	o       *Orchestrator
	appID   string
	key     []byte
	holder  string
	settled bool // the answer is kept
}

// hold takes an idempotent request for this run. When it was answered before,
// it is that response; both are nil for a request that is not idempotent.
func (o *Orchestrator) hold(ctx context.Context, route *route, by *knownCaller, q *picloud.Request) (*hold, *picloud.Response, error) {
	if route.idempotent == picloud.IdempotentNever {
		return nil, nil, nil
	}
	key, err := idempotencyKey(q.Header)
	if err != nil {
		return nil, nil, err
	}
	if key == "" {
		if route.idempotent == picloud.IdempotentRequired {
			return nil, nil, picloud.Errorf(picloud.CodeMalformed, "the header %s is missing: give each operation a key of its own", keyHeader)
		}
		return nil, nil, nil
	}
	h := &hold{o: o, appID: route.script.AppID, holder: o.cfg.IDs.New()}
	h.key = keyOf(route.script.ID, by, key)
	until := o.cfg.Now().Add(o.cfg.MaxWait + route.limits.WallTime() + holdGrace)
	stored, err := o.cfg.Store.HoldAnswer(ctx, h.appID, picloud.AnswerKey{Key: h.key, Fingerprint: fingerprint(q)}, h.holder, o.member.id, until)
	if err != nil {
		return nil, nil, err
	}
	if stored == nil {
		return h, nil, nil
	}
	resp, err := picloud.DecodeResponse(stored)
	if err != nil {
		return nil, nil, err
	}
	resp.Header[replayedHeader] = []string{"true"}
	return nil, resp, nil
}

// idempotencyKey reads the key of a request, "" for none: a text of 1 to 255
// visible characters, in quotes or without.
func idempotencyKey(h http.Header) (string, error) {
	values := h[keyHeader]
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	bad := strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	if len(values) > 1 || key == "" || len(key) > picloud.MaxIdempotentKey || bad {
		return "", picloud.Errorf(picloud.CodeMalformed, "the %s is one text of 1 to %d visible ASCII characters", keyHeader, picloud.MaxIdempotentKey)
	}
	return key, nil
}

// keyOf is the name under which a key is kept: each script has keys of its own,
// and each caller who is known.
func keyOf(scriptID string, by *knownCaller, key string) []byte {
	user := ""
	if by != nil {
		user = by.by.User.ID
	}
	sum := hashTexts(scriptID, user, key)
	return sum[:]
}

// fingerprint is what a request asks for. Who sends an Authorization that
// scripts see must send the same again: the answer was theirs.
func fingerprint(q *picloud.Request) []byte {
	sum := hashTexts(q.Method, q.Path, q.RawQuery, strings.Join(q.Header["Authorization"], "\x00"), string(q.Body))
	return sum[:]
}

// hashTexts is a hash of texts, each with its length.
func hashTexts(texts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, s := range texts {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// fit makes a run fail whose response cannot be kept: whether it has happened
// could not be told from then on.
func (h *hold) fit(out *picloud.Outcome) {
	if h != nil {
		fitStored(out)
	}
}

// fitStored makes a run fail whose response cannot be kept: it is too large, or
// has no end.
func fitStored(out *picloud.Outcome) {
	r := out.Response
	switch {
	case r == nil:
		return
	case r.Stream != nil:
		out.Error = &picloud.ScriptError{
			Code: picloud.CodeBadResponse, Message: "the response to an idempotent request, or to one that is answered later, cannot be a stream",
		}
	case len(r.Body) > picloud.MaxStoredResponse:
		out.Error = &picloud.ScriptError{
			Code:    picloud.CodeResponseSize,
			Message: fmt.Sprintf("the response to an idempotent request, or to one that is answered later, has at most %d bytes", picloud.MaxStoredResponse),
		}
	default:
		return
	}
	out.Response, out.Journal = nil, nil
	if out.Effects != nil {
		out.Effects.Drop()
	}
}

// answer is what is kept with a response; nil for nothing: one of 500 or above
// is not, so that the request may be tried again.
func (h *hold) answer(resp *picloud.Response) *picloud.Answer {
	if h == nil || resp.Status >= http.StatusInternalServerError || resp.Status == picloud.HTTPStatus(picloud.CodeCanceled) {
		return nil
	}
	kept := *resp
	kept.Header = maps.Clone(resp.Header)
	delete(kept.Header, "Traceparent") // of this request only
	return &picloud.Answer{Key: h.key, Holder: h.holder, Response: picloud.EncodeResponse(&kept)}
}

// kept notes that the answer was committed.
func (h *hold) kept() {
	if h != nil {
		h.settled = true
	}
}

// release gives up the key of a request that was not answered for good.
func (h *hold) release(ctx context.Context) {
	if h == nil || h.settled {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := h.o.cfg.Store.ReleaseAnswer(ctx, h.appID, h.key, h.holder); err != nil {
		h.o.cfg.Log.WarnContext(ctx, "an idempotent request cannot be released: it is free again when its time is over", "err", err)
	}
}
