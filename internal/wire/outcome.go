package wire

import (
	"net/http"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// lineRoom is what a line of the log is counted with besides its text, as
	// the executor does.
	lineRoom = 32
	// logRoom is for what the executor says itself: that the log is cut, and
	// why the run failed.
	logRoom = 16 << 10
	// textRoom is for the header and the error of an outcome.
	textRoom = picloud.MaxHeaderBytes + 64<<10
	// maxErrorText bounds each text of an error.
	maxErrorText = 16 << 10
	maxCodeBytes = 32
)

// outcomeSize is how many bytes the outcome of a run with these limits has at
// most.
func outcomeSize(l *picloud.Limits) int {
	return int(min(l.ResponseBytes, 1<<30)) + textSize(l)
}

// textSize is that of everything but the body.
func textSize(l *picloud.Limits) int {
	return int(2*min(l.LogBytes, 1<<28)) + logRoom + textRoom + effectsRoom + journalRoom
}

func appendOutcome(b []byte, o *picloud.Outcome) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = appendInt(appendInt(appendInt(b, o.Operations), o.PeakBytes), int64(o.Duration))
	b = appendCount(appendBool(b, o.LogsCut), len(o.Logs))
	for i := range o.Logs {
		l := &o.Logs[i]
		b = appendInt(appendText(appendText(appendTime(b, l.At), string(l.Level)), l.Message), int64(l.Line))
	}
	b = appendBytes(appendEffects(b, o.Effects), o.Journal)
	if e := o.Error; e != nil {
		b = appendBool(b, false)
		for _, s := range [...]string{string(e.Code), e.Message, e.Script, e.SourceLine} {
			b = appendText(b, s)
		}
		for _, n := range [...]int{e.Status, e.Line, e.Column} {
			b = appendInt(b, int64(n))
		}
		b = appendInt(b, int64(e.RetryAfter))
		return appendBody(b, start, nil)
	}
	r := o.Response
	b = appendHeader(appendInt(appendBool(b, true), int64(r.Status)), r.Header)
	b = appendStream(b, r.Stream)
	b = appendBool(b, r.Body != nil)
	return appendBody(b, start, r.Body)
}

// decodeOutcome reads the outcome of a run with these limits, and refuses what
// no executor would say. It shares memory with b only if that is owned.
func decodeOutcome(b []byte, owned bool, l *picloud.Limits) (*picloud.Outcome, error) {
	text, body, err := splitBody(b, textSize(l))
	if err != nil {
		return nil, err
	}
	d := &decoder{s: text}
	o := &picloud.Outcome{Operations: d.int(), PeakBytes: d.int(), Duration: time.Duration(d.int()), LogsCut: d.bool()}
	o.Logs, o.Effects, o.Journal = d.logs(l.LogBytes), d.effects(), d.journal()
	if d.bool() {
		o.Response = d.response(body, owned, l.ResponseBytes)
	} else if o.Error = d.scriptError(); o.Effects.Changes() {
		d.fail("a run that failed wants to change something")
	}
	if o.Operations < 0 || o.PeakBytes < 0 || o.Duration < 0 {
		d.fail("a negative cost")
	}
	return o, d.done()
}

// logs reads lines that are worth at most so many bytes.
func (d *decoder) logs(most int64) []picloud.LogLine {
	n := d.count(5)
	room := most + logRoom
	if int64(n) > room/lineRoom {
		d.fail("a log of %d lines, which has room for %d bytes", n, most)
	}
	if n == 0 || d.err != nil {
		return nil
	}
	lines := make([]picloud.LogLine, n)
	for i := range lines {
		l := &lines[i]
		l.At, l.Level, l.Message, l.Line = d.time(), picloud.Level(d.text()), d.text(), d.small()
		if room -= int64(len(l.Message)) + lineRoom; room < 0 || !l.Level.Valid() {
			d.fail("a log with more than its %d bytes, or of level %.20q", most, l.Level)
		}
		if d.err != nil {
			return nil
		}
	}
	return lines
}

func (d *decoder) response(body []byte, owned bool, most int64) *picloud.Response {
	r := &picloud.Response{Status: d.small()}
	r.Header = d.header(picloud.MaxHeaderFields + 1) // a Content-Type besides what the script has set
	if r.Header == nil {
		r.Header = http.Header{} // whoever gets it adds to it
	}
	r.Stream = d.stream()
	r.Body = d.body(body, owned)
	if r.Status < 200 || r.Status > 599 {
		d.fail("a response of status %d", r.Status)
	}
	if int64(len(r.Body)) > most {
		d.fail("a response of %d bytes, at most %d are allowed", len(r.Body), most)
	}
	for name, values := range r.Header {
		for _, v := range values {
			if why := picloud.RefuseHeader(name, v); why != "" {
				d.fail("the header %.60q: %s", name, why)
			}
		}
	}
	return r
}

func (d *decoder) scriptError() *picloud.ScriptError {
	e := &picloud.ScriptError{Code: picloud.Code(d.text())}
	for _, s := range [...]*string{&e.Message, &e.Script, &e.SourceLine} {
		if *s = d.text(); len(*s) > maxErrorText {
			d.fail("an error of %d bytes", len(*s))
		}
	}
	for _, n := range [...]*int{&e.Status, &e.Line, &e.Column} {
		*n = d.small()
	}
	e.RetryAfter = time.Duration(d.int())
	if !validCode(e.Code) || e.RetryAfter < 0 || e.Code == picloud.CodeThrown && (e.Status < 400 || e.Status > 599) {
		d.fail("an error of code %.40q and status %d", e.Code, e.Status)
	}
	return e
}

// validCode reports whether a code looks like one: it ends up in headers.
func validCode(c picloud.Code) bool {
	if c == "" || len(c) > maxCodeBytes {
		return false
	}
	for i := range len(c) {
		if (c[i] < 'a' || c[i] > 'z') && c[i] != '_' {
			return false
		}
	}
	return true
}
