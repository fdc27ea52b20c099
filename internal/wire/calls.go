package wire

import (
	"context"
	"errors"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// callKind is what a run asks for.
type callKind byte

// The calls, in the order of the methods of picloud.Host.
const (
	callVersionSource callKind = iota + 1
	callLiveVersion
	callReadEntries
	callListEntries
	callHTTP
	callHasSecret
	callSign
	callVerify
	callListFiles
	callReadBlob
	callStageBlob
)

// answering does a call for a run: it reads the arguments, asks the host, and
// appends the answer.
type answering func(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error)

// answerings are the calls by their kind.
func answerings(k callKind) answering {
	switch k {
	case callVersionSource:
		return answerVersionSource
	case callLiveVersion:
		return answerLiveVersion
	case callReadEntries:
		return answerReadEntries
	case callListEntries:
		return answerListEntries
	case callHTTP:
		return answerHTTP
	case callHasSecret:
		return answerHasSecret
	case callSign:
		return answerSign
	case callVerify:
		return answerVerify
	case callListFiles:
		return answerListFiles
	case callReadBlob:
		return answerReadBlob
	case callStageBlob:
		return answerStageBlob
	}
	return nil
}

// VersionSource implements picloud.Host.
func (h *remoteHost) VersionSource(ctx context.Context, hash string) (string, error) {
	return ask(ctx, h, callVersionSource, func(b []byte) []byte { return appendText(b, hash) }, (*decoder).text)
}

// answerVersionSource gives a run the sources that it has a right to: its own,
// and those of the scripts of its app that it has asked for by name.
func answerVersionSource(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	hash := d.text()
	if err := d.done(); err != nil {
		return nil, err
	}
	if hash != p.x.Hash && !p.named(hash) {
		return nil, picloud.NotFound("version", hash)
	}
	source, err := p.host.VersionSource(ctx, hash)
	if err != nil {
		return nil, err
	}
	return appendText(b, source), nil
}

// LiveVersion implements picloud.Host.
func (h *remoteHost) LiveVersion(ctx context.Context, script string) (string, error) {
	return ask(ctx, h, callLiveVersion, func(b []byte) []byte { return appendText(b, script) }, (*decoder).text)
}

func answerLiveVersion(ctx context.Context, p *pending, d *decoder, b []byte) ([]byte, error) {
	script := d.text()
	if err := d.done(); err != nil {
		return nil, err
	}
	hash, err := p.host.LiveVersion(ctx, script)
	if err != nil {
		return nil, err
	}
	p.name(hash)
	return appendText(b, hash), nil
}

// remoteHost is the host of a run whose orchestrator is another process.
type remoteHost struct {
	w  *writer
	id uint64 // of the run

	calls calls
}

// ask makes a call and waits for its answer, or for the end of ctx.
func ask[T any](ctx context.Context, h *remoteHost, k callKind, arguments func([]byte) []byte, read func(*decoder) T) (T, error) {
	var none T
	seq, answer := h.calls.open()
	defer h.calls.close(seq)
	err := h.w.send(kindCall, h.id, func(b []byte) []byte {
		return arguments(append(appendCount(b, int(seq)), byte(k)))
	})
	if err != nil {
		return none, err
	}
	select {
	case d := <-answer:
		if err := d.callError(); err != nil {
			return none, err
		}
		v := read(d)
		return v, d.done()
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// appendAnswer writes the answer of a call: what it gave, or why not.
func appendAnswer(b []byte, seq uint64, result []byte, err error) []byte {
	b = appendBool(appendCount(b, int(seq)), err == nil)
	if err == nil {
		return append(b, result...)
	}
	e := &picloud.Error{Code: picloud.CodeInternal, Message: "the call could not be answered"}
	errors.As(err, &e)
	b = appendText(appendText(appendText(b, string(e.Code)), e.Message), e.Field)
	return appendInt(b, int64(e.RetryAfter))
}

// callError reads whether a call failed, and why.
func (d *decoder) callError() error {
	if d.bool() {
		return nil
	}
	e := &picloud.Error{Code: picloud.Code(d.text()), Message: d.text(), Field: d.text(), RetryAfter: time.Duration(d.int())}
	if err := d.done(); err != nil {
		return err
	}
	return e
}
