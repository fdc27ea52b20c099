package executor

import (
	"cmp"
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// HTTP implements hostapi.Outside.
func (w *waiting) HTTP(ctx context.Context, c *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	w.r.turn.Leave()
	a, err := w.r.host.HTTP(ctx, c)
	return a, cmp.Or(err, w.r.turn.Resume(ctx))
}

// HTTP implements [picloud.Host].
func (j *journal) HTTP(ctx context.Context, c *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	return journaled(j, "http", c, func() (*picloud.HTTPAnswer, error) { return j.host.HTTP(ctx, c) })
}

// HasSecret implements hostapi.Outside.
func (w *waiting) HasSecret(ctx context.Context, name string) (bool, error) {
	w.r.turn.Leave()
	has, err := w.r.host.HasSecret(ctx, name)
	return has, cmp.Or(err, w.r.turn.Resume(ctx))
}

// Sign implements hostapi.Outside.
func (w *waiting) Sign(ctx context.Context, s *picloud.Signing) ([]byte, error) {
	w.r.turn.Leave()
	signature, err := w.r.host.Sign(ctx, s)
	return signature, cmp.Or(err, w.r.turn.Resume(ctx))
}

// Verify implements hostapi.Outside.
func (w *waiting) Verify(ctx context.Context, s *picloud.Signing, signature []byte) (bool, error) {
	w.r.turn.Leave()
	right, err := w.r.host.Verify(ctx, s, signature)
	return right, cmp.Or(err, w.r.turn.Resume(ctx))
}

// HasSecret implements [picloud.Host].
func (j *journal) HasSecret(ctx context.Context, name string) (bool, error) {
	return journaled(j, "secret.has", name, func() (bool, error) { return j.host.HasSecret(ctx, name) })
}

// Sign implements [picloud.Host].
func (j *journal) Sign(ctx context.Context, s *picloud.Signing) ([]byte, error) {
	return journaled(j, "secret.sign", s, func() ([]byte, error) { return j.host.Sign(ctx, s) })
}

// verifying is what is asked of Verify, as a journal has it.
type verifying struct {
	Signing   *picloud.Signing
	Signature []byte
}

// Redacted implements [Redacted]: a text that is compared with a secret may be
// the secret.
func (v verifying) Redacted() any {
	if v.Signing.Algorithm == picloud.AlgSame {
		v.Signature = nil
	}
	return struct {
		Signing   *picloud.Signing
		Signature []byte
	}{v.Signing, v.Signature}
}

// Verify implements [picloud.Host].
func (j *journal) Verify(ctx context.Context, s *picloud.Signing, signature []byte) (bool, error) {
	return journaled(j, "secret.verify", verifying{s, signature}, func() (bool, error) { return j.host.Verify(ctx, s, signature) })
}

// roomForOutside is about how much what calls to the outside hold takes,
// encoded.
func roomForOutside(v any) (int, bool) {
	switch v := v.(type) {
	case *picloud.HTTPCall:
		n := v.URL.Size() + v.Body.Size() + 200
		for _, f := range v.Header {
			n += len(f.Name) + f.Value.Size() + 60
		}
		return n, true
	case *picloud.HTTPAnswer:
		if v == nil {
			return 0, true
		}
		n := len(v.URL) + len(v.Body)*4/3 + 100
		for name, values := range v.Header {
			for _, value := range values {
				n += len(name) + len(value) + 10
			}
		}
		return n, true
	}
	return 0, false
}
