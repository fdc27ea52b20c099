package picloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
)

// Describe says in a header what a file is, in such a way that a browser does nothing with
// it that its app did not ask for: it does not guess types, and runs no script of
// a page or picture that somebody may have uploaded.
func (f *File) Describe(h http.Header, download bool) {
	h.Set("Content-Type", f.Type)
	h.Set("ETag", `"`+f.Hash+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; font-src 'self'")
	disposition := "inline"
	if download {
		disposition = "attachment"
	}
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": path.Base(f.Name)}))
}

// BlobReader reads a content from wherever it is sought to. Nothing is opened
// before it is read.
type BlobReader struct {
	ctx   context.Context // of the one request that it is for
	blobs Blobs
	id    string
	size  int64

	at   int64
	open io.ReadCloser // from at on; nil when it was sought elsewhere
}

// NewBlobReader makes a reader of a content of a known size. It is closed.
func NewBlobReader(ctx context.Context, blobs Blobs, id string, size int64) *BlobReader {
	return &BlobReader{ctx: ctx, blobs: blobs, id: id, size: size}
}

// Check opens the content, so that its absence can still be told.
func (b *BlobReader) Check() (err error) {
	if b.open == nil && b.at < b.size {
		b.open, err = b.blobs.Open(b.ctx, b.id, b.at, b.size-b.at)
	}
	return err
}

// Read implements io.Reader.
func (b *BlobReader) Read(p []byte) (int, error) {
	if b.at >= b.size {
		return 0, io.EOF
	}
	if err := b.Check(); err != nil {
		return 0, err
	}
	n, err := b.open.Read(p)
	b.at += int64(n)
	if errors.Is(err, io.EOF) && b.at < b.size {
		err = fmt.Errorf("the content %s ends at %d of %d bytes: %w", b.id, b.at, b.size, io.ErrUnexpectedEOF)
	}
	return n, err
}

// Seek implements io.Seeker.
func (b *BlobReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the start of a content")
	}
	if offset == b.at {
		return offset, nil
	}
	b.at = offset
	return offset, b.Close()
}

// Close gives back what is open. The reader may be used on.
func (b *BlobReader) Close() error {
	if b.open == nil {
		return nil
	}
	open := b.open
	b.open = nil
	return open.Close()
}
