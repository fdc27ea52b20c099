package executor

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/picloud"
)

// lineOverhead is what a line is counted with besides its text, so that a
// million empty lines are not free.
const lineOverhead = 32

// cutNote ends a log that went over its limit.
const cutNote = "the log is cut here: it went over its limit"

// logbook takes what one run says, up to a number of bytes.
type logbook struct {
	limit int64
	now   func() time.Time
	bytes int64
	lines []picloud.LogLine
	cut   bool
}

// add enters a line; line is where in the source, or 0. The line that goes
// over the limit is shortened to what fits, and a note follows it; what comes
// after that is dropped.
func (b *logbook) add(level picloud.Level, message string, line int) {
	if b.cut {
		return
	}
	at := b.now()
	left := b.limit - b.bytes - lineOverhead
	if int64(len(message)) > left {
		b.cut = true
		if message = clip(message, int(max(left, 0))); message != "" {
			b.append(at, level, message, line)
		}
		b.append(at, picloud.LevelWarn, cutNote, 0)
		return
	}
	b.append(at, level, message, line)
}

// fail enters why the run failed, so that whoever follows a log sees it: also
// where the log is full, since the message is bounded. A status below 500 that
// a script threw is an answer and no failure, and a run that was canceled has
// not failed.
func (b *logbook) fail(e *picloud.ScriptError) {
	if e.Code == picloud.CodeCanceled || e.Code == picloud.CodeThrown && e.Status < 500 {
		return
	}
	message := "failed: " + e.Message
	if e.Line > 0 {
		message = fmt.Sprintf("failed at %d:%d: %s", e.Line, e.Column, e.Message)
	}
	if e.Line > 0 && e.Script != "" {
		message = fmt.Sprintf("failed at %s:%d:%d: %s", e.Script, e.Line, e.Column, e.Message)
	}
	b.append(b.now(), picloud.LevelError, message, e.Line)
}

func (b *logbook) append(at time.Time, level picloud.Level, message string, line int) {
	b.bytes += int64(len(message)) + lineOverhead
	b.lines = append(b.lines, picloud.LogLine{At: at, Level: level, Message: storable(message), Line: line})
}

// storable is text as every store can keep it: valid UTF-8 without zero bytes.
// It is a copy, so that a short line does not keep a large value alive.
func storable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		return strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.Clone(s)
}

// clip is the first n bytes of s, or a little less so as not to tear a
// character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
