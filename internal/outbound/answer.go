package outbound

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
)

// firstRead is how much room a body is given before any of it is there.
const firstRead = 16 << 10

// answer reads an answer whole.
func (c *Client) answer(ctx context.Context, call *Call, s *step, resp *http.Response) (*picloud.HTTPAnswer, error) {
	defer resp.Body.Close()
	// What is sent is bounded, too, and not only what becomes of it: a stream
	// can be endless and decompress to nothing.
	var body io.Reader = &bounded{r: resp.Body, left: call.MaxBytes}
	if resp.ContentLength > call.MaxBytes && s.method != http.MethodHead {
		return nil, errLong
	}
	header := resp.Header
	if unpack := resp.Header.Get("Content-Encoding"); strings.EqualFold(unpack, "gzip") && s.header.Get("Accept-Encoding") == "gzip" && s.method != http.MethodHead {
		header = header.Clone()
		header.Del("Content-Encoding")
		header.Del("Content-Length")
		zip, err := gzip.NewReader(body)
		switch {
		case errors.Is(err, io.EOF):
			body = http.NoBody
		case err != nil:
			return nil, c.unread(ctx, err)
		default:
			body = &bounded{r: zip, left: call.MaxBytes}
		}
	}
	data, err := c.read(body)
	if err != nil {
		c.held.Add(-int64(len(data)))
		return nil, c.unread(ctx, err)
	}
	return &picloud.HTTPAnswer{Status: resp.StatusCode, Header: header, Body: data, URL: s.url.String()}, nil
}

// unread is why a body could not be read.
func (c *Client) unread(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, errLong), errors.Is(err, errBusy):
		return err
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return failed("the answer is not compressed as it says")
	}
	return errBroken
}

var (
	errBroken = errors.New("the answer broke off")
	errLong   = errors.New("the answer is too long")
	errBusy   = errors.New("the answers in memory are too many")
)

// read reads a body, and counts its bytes as held, those of what it returns
// with an error too.
func (c *Client) read(r io.Reader) (data []byte, err error) {
	for {
		if len(data) == cap(data) {
			data = append(make([]byte, 0, max(firstRead, 2*cap(data))), data...)
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if c.held.Add(int64(n)) > answersOfAll {
			return data, errBusy
		}
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return data, err
		}
	}
}

// bounded fails with errLong when there are more than so many bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLong
	}
	return n, err
}
