package executortest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// The one content that a shelf has, and the file that it is in.
const shelfContent = "forty-two"

// ListFiles implements picloud.Host: every name is absent but answer.txt, and
// below p/ there are as many as asked for.
func (s Shelf) ListFiles(_ context.Context, q picloud.FileQuery) (page picloud.FilePage, err error) {
	file := picloud.File{Version: 3, Blob: "blob", Size: int64(len(shelfContent)), Hash: "h", Type: "text/plain", Public: true, WrittenAt: time.Unix(1e9, 0).UTC()}
	switch {
	case q.From == "answer.txt":
		file.Name = q.From
		page.Files = append(page.Files, file)
	case strings.HasPrefix(q.From, "p/"):
		for i := range q.Limit {
			file.Name = fmt.Sprintf("p/%d", i)
			page.Files = append(page.Files, file)
		}
		page.More = true
	}
	return page, nil
}

// ReadBlob implements picloud.Host.
func (s Shelf) ReadBlob(_ context.Context, part picloud.BlobPart) ([]byte, error) {
	if part.ID != "blob" {
		return nil, picloud.NotFound("content", part.ID)
	}
	from := min(part.Offset, int64(len(shelfContent)))
	return []byte(shelfContent[from:min(from+part.Length, int64(len(shelfContent)))]), nil
}

// StageBlob implements picloud.Host.
func (s Shelf) StageBlob(_ context.Context, content []byte) (picloud.Blob, error) {
	return picloud.Blob{ID: fmt.Sprint("staged-", len(content)), Size: int64(len(content)), Hash: "sum"}, nil
}
