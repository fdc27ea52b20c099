package wire

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// HasSecret implements picloud.Host.
func (h *remoteHost) HasSecret(ctx context.Context, name string) (bool, error) {
	return ask(ctx, h, callHasSecret, func(b []byte) []byte { return appendText(b, name) }, (*decoder).bool)
}

func answerHasSecret(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	name := d.text()
	if err := d.done(); err != nil {
		return nil, err
	}
	has, err := p.host.HasSecret(ctx, name)
	if err != nil {
		return nil, err
	}
	return appendBool(b, has), nil
}

func appendSigning(b []byte, s *picloud.Signing) []byte {
	return appendText(appendText(appendText(b, s.Secret), string(s.Algorithm)), string(s.Data))
}

func (d *decoder) signing() *picloud.Signing {
	return &picloud.Signing{Secret: d.text(), Algorithm: picloud.Algorithm(d.text()), Data: []byte(d.text())}
}

// Sign implements picloud.Host.
func (h *remoteHost) Sign(ctx context.Context, s *picloud.Signing) ([]byte, error) {
	return ask(ctx, h, callSign, func(b []byte) []byte { return appendSigning(b, s) }, func(d *decoder) []byte { return []byte(d.text()) })
}

func answerSign(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	s := d.signing()
	if err := d.done(); err != nil {
		return nil, err
	}
	signature, err := p.host.Sign(ctx, s)
	if err != nil {
		return nil, err
	}
	return appendText(b, string(signature)), nil
}

// Verify implements picloud.Host.
func (h *remoteHost) Verify(ctx context.Context, s *picloud.Signing, signature []byte) (bool, error) {
	return ask(ctx, h, callVerify, func(b []byte) []byte { return appendText(appendSigning(b, s), string(signature)) }, (*decoder).bool)
}

func answerVerify(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	s, signature := d.signing(), []byte(d.text())
	if err := d.done(); err != nil {
		return nil, err
	}
	right, err := p.host.Verify(ctx, s, signature)
	if err != nil {
		return nil, err
	}
	return appendBool(b, right), nil
}
