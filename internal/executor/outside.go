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
