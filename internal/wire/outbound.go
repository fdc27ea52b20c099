package wire

import (
	"context"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// maxAnswerFields is above what the head of an answer can hold.
const maxAnswerFields = 32 << 10

// HTTP implements picloud.Host.
func (h *remoteHost) HTTP(ctx context.Context, c *picloud.HTTPCall) (*picloud.HTTPAnswer, error) {
	return ask(ctx, h, callHTTP, func(b []byte) []byte { return appendHTTPCall(b, c) }, (*decoder).httpAnswer)
}

func answerHTTP(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	c := d.httpCall()
	if err := d.done(); err != nil {
		return nil, err
	}
	a, err := p.host.HTTP(ctx, c)
	if err != nil {
		return nil, err
	}
	return appendHTTPAnswer(b, a), nil
}

func appendPieces(b []byte, list picloud.Pieces) []byte {
	b = appendCount(b, len(list))
	for _, p := range list {
		b = appendText(appendText(appendText(b, p.Text), p.Secret), string(p.As))
	}
	return b
}

func (d *decoder) pieces() picloud.Pieces {
	n := d.count(3)
	if n > picloud.MaxPieces {
		d.fail("a text of %d parts", n)
	}
	if n == 0 || d.err != nil {
		return nil
	}
	list := make(picloud.Pieces, n)
	for i := range list {
		list[i] = picloud.Piece{Text: d.text(), Secret: d.text(), As: picloud.Encoding(d.text())}
	}
	return list
}

func appendFields(b []byte, list []picloud.Field) []byte {
	b = appendCount(b, len(list))
	for _, f := range list {
		b = appendPieces(appendText(b, f.Name), f.Value)
	}
	return b
}

func (d *decoder) fields() []picloud.Field {
	n := d.count(2)
	if n > picloud.MaxCallFields {
		d.fail("a header of %d fields", n)
	}
	if n == 0 || d.err != nil {
		return nil
	}
	list := make([]picloud.Field, n)
	for i := range list {
		list[i] = picloud.Field{Name: d.text(), Value: d.pieces()}
	}
	return list
}

func appendHTTPCall(b []byte, c *picloud.HTTPCall) []byte {
	b = appendPieces(appendText(b, c.Method), c.URL)
	b = appendPieces(appendFields(b, c.Header), c.Body)
	b = appendBool(appendInt(b, int64(c.Timeout)), c.Follow)
	return appendBool(appendInt(appendInt(b, int64(c.Retry.Max)), int64(c.Retry.Backoff)), c.Retry.Unsafe)
}

func (d *decoder) httpCall() *picloud.HTTPCall {
	return &picloud.HTTPCall{
		Method: d.text(), URL: d.pieces(), Header: d.fields(), Body: d.pieces(), Timeout: time.Duration(d.int()), Follow: d.bool(),
		Retry: picloud.Retry{Max: d.small(), Backoff: time.Duration(d.int()), Unsafe: d.bool()},
	}
}

func appendHTTPAnswer(b []byte, a *picloud.HTTPAnswer) []byte {
	b = appendHeader(appendInt(b, int64(a.Status)), a.Header)
	return appendText(appendText(b, string(a.Body)), a.URL)
}

func (d *decoder) httpAnswer() *picloud.HTTPAnswer {
	return &picloud.HTTPAnswer{Status: d.small(), Header: d.header(maxAnswerFields), Body: []byte(d.text()), URL: d.text()}
}
