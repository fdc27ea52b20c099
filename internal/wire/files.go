package wire

import (
	"context"

	"github.com/picloud/picloud/internal/picloud"
)

// maxStaged is how many contents a run may put down.
const maxStaged = 2 * picloud.MaxFilesWritten

// fileEffectsRoom is what the effects of one run on files take at most.
const fileEffectsRoom = picloud.MaxFilesWritten*(picloud.MaxKeyBytes+512) + maxStaged*128

func appendFileEffects(b []byte, e *picloud.Effects) []byte {
	b = appendCount(b, len(e.FileRanges))
	for i := range e.FileRanges {
		r := &e.FileRanges[i]
		b = appendInt(appendInt(appendText(appendText(b, r.From), r.To), int64(r.Count)), r.Newest)
	}
	b = appendCount(b, len(e.FileWrites))
	for i := range e.FileWrites {
		w := &e.FileWrites[i]
		b = appendText(appendBool(appendText(b, w.Name), w.Delete), w.Blob)
		b = appendBool(appendText(appendText(appendInt(b, w.Size), w.Hash), w.Type), w.Public)
	}
	return appendTexts(b, e.Staged)
}

// fileEffects reads what a run wants to do to files, and refuses what no executor
// would say. Whose the contents are is for the orchestrator to know.
func (d *decoder) fileEffects(e *picloud.Effects) {
	if n := d.observations(4); n > 0 {
		e.FileRanges = make([]picloud.RangeRead, n)
		for i := range e.FileRanges {
			e.FileRanges[i] = picloud.RangeRead{From: d.text(), To: d.text(), Count: d.small(), Newest: d.int()}
		}
	}
	n := d.count(7)
	if n > picloud.MaxFilesWritten {
		d.fail("%d files written", n)
	}
	if n > 0 && d.err == nil {
		e.FileWrites = make([]picloud.FileWrite, n)
		seen := make(map[string]bool, n)
		for i := range e.FileWrites {
			w := &e.FileWrites[i]
			*w = picloud.FileWrite{Name: d.text(), Delete: d.bool(), Blob: d.text(), Size: d.int(), Hash: d.text(), Type: d.text(), Public: d.bool()}
			d.fileWrite(w, seen)
		}
	}
	n = d.count(1)
	if n > maxStaged {
		d.fail("%d contents", n)
	}
	for range n {
		if d.err != nil {
			return
		}
		e.Staged = append(e.Staged, d.text())
	}
}

func (d *decoder) fileWrite(w *picloud.FileWrite, seen map[string]bool) {
	if err := picloud.ValidateFileName(w.Name); err != nil {
		d.fail("%v", err)
	}
	if seen[w.Name] {
		d.fail("the file %.60q is written twice", w.Name)
	}
	seen[w.Name] = true
	if w.Size < 0 || w.Delete != (w.Blob == "") {
		d.fail("a file of %d bytes with the content %.60q", w.Size, w.Blob)
	}
	if _, err := picloud.FileType(w.Type); err != nil {
		d.fail("%v", err)
	}
}

// ListFiles implements picloud.Host.
func (h *remoteHost) ListFiles(ctx context.Context, q picloud.FileQuery) (picloud.FilePage, error) {
	return ask(ctx, h, callListFiles, func(b []byte) []byte {
		return appendInt(appendText(appendText(b, q.From), q.To), int64(q.Limit))
	}, (*decoder).filePage)
}

func answerListFiles(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	q := picloud.FileQuery{From: d.text(), To: d.text(), Limit: d.small()}
	if err := d.done(); err != nil {
		return nil, err
	}
	page, err := p.host.ListFiles(ctx, q)
	if err != nil {
		return nil, err
	}
	b = appendCount(appendBool(b, page.More), len(page.Files))
	for i := range page.Files {
		f := &page.Files[i]
		b = appendText(appendInt(appendText(b, f.Name), f.Version), f.Blob)
		b = appendText(appendText(appendInt(b, f.Size), f.Hash), f.Type)
		b = appendTime(appendBool(b, f.Public), f.WrittenAt)
	}
	return b, nil
}

func (d *decoder) filePage() picloud.FilePage {
	page := picloud.FilePage{More: d.bool()}
	n := d.count(8)
	if d.err != nil {
		return page
	}
	page.Files = make([]picloud.File, n)
	for i := range page.Files {
		page.Files[i] = picloud.File{
			Name: d.text(), Version: d.int(), Blob: d.text(), Size: d.int(), Hash: d.text(), Type: d.text(), Public: d.bool(), WrittenAt: d.time(),
		}
	}
	return page
}

// ReadBlob implements picloud.Host.
func (h *remoteHost) ReadBlob(ctx context.Context, part picloud.BlobPart) ([]byte, error) {
	return ask(ctx, h, callReadBlob, func(b []byte) []byte {
		return appendInt(appendInt(appendText(b, part.ID), part.Offset), part.Length)
	}, func(d *decoder) []byte { return []byte(d.text()) })
}

func answerReadBlob(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	part := picloud.BlobPart{ID: d.text(), Offset: d.int(), Length: d.int()}
	if part.Offset < 0 || part.Length < 0 || part.Length > picloud.MaxFileContent {
		d.fail("%d bytes of a content, from %d on", part.Length, part.Offset)
	}
	if err := d.done(); err != nil {
		return nil, err
	}
	octets, err := p.host.ReadBlob(ctx, part)
	if err != nil {
		return nil, err
	}
	return appendText(b, string(octets)), nil
}

// StageBlob implements picloud.Host.
func (h *remoteHost) StageBlob(ctx context.Context, content []byte) (picloud.Blob, error) {
	return ask(ctx, h, callStageBlob, func(b []byte) []byte { return appendText(b, string(content)) }, func(d *decoder) picloud.Blob {
		return picloud.Blob{ID: d.text(), Size: d.int(), Hash: d.text()}
	})
}

func answerStageBlob(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	content := d.text()
	if len(content) > picloud.MaxFileContent {
		d.fail("a content of %d bytes", len(content))
	}
	if err := d.done(); err != nil {
		return nil, err
	}
	blob, err := p.host.StageBlob(ctx, []byte(content))
	if err != nil {
		return nil, err
	}
	return appendText(appendInt(appendText(b, blob.ID), blob.Size), blob.Hash), nil
}
