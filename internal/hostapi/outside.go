package hostapi

import (
	"context"
	"errors"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// Outside makes the calls of scripts.
type Outside interface {
	// HTTP makes a call to the outside.
	HTTP(ctx context.Context, c *picloud.HTTPCall) (*picloud.HTTPAnswer, error)
	// HasSecret reports whether the app has a secret.
	HasSecret(ctx context.Context, name string) (bool, error)
	// Sign signs with a secret.
	Sign(ctx context.Context, s *picloud.Signing) ([]byte, error)
	// Verify reports whether a signature that was made with a secret is right.
	Verify(ctx context.Context, s *picloud.Signing, signature []byte) (bool, error)
}

// outsideError is an error of a call as a script gets it: what the other side
// or the script is at fault for can be caught.
func outsideError(c *rhai.Call, what string, err error) error {
	var e *picloud.Error
	if errors.As(err, &e) {
		switch e.Code {
		case picloud.CodeInvalid, picloud.CodeCallDenied, picloud.CodeCallFailed, picloud.CodeNotFound:
			return c.Fail("%s: %s", what, e.Message)
		}
	}
	return invocation(c).doom(err)
}
