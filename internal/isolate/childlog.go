package isolate

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"
)

const (
	maxChildLine  = 8 << 10
	maxChildLines = 200 // in a second; a child has little to say
)

// childLog takes what a child writes to its standard error, line by line, into
// the log: its own log lines at their level, anything else, as a crash is, as
// errors. What is too long or too much is dropped, and counted.
type childLog struct {
	log *slog.Logger

	mu      sync.Mutex
	line    []byte
	second  time.Time
	lines   int
	dropped int
}

func (l *childLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if room := maxChildLine - len(l.line); room > 0 {
			l.line = append(l.line, line[:min(room, len(line))]...)
		}
		if whole {
			l.emit()
		}
		rest = after
	}
	return len(p), nil
}

// flush emits what has no end.
func (l *childLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emit()
	l.tellDropped()
}

// emit logs the line. The lock is held.
func (l *childLog) emit() {
	line := l.line
	l.line = l.line[:0]
	if len(line) == 0 {
		return
	}
	if now := time.Now(); now.Sub(l.second) >= time.Second {
		l.second, l.lines = now, 0
		l.tellDropped()
	}
	if l.lines++; l.lines > maxChildLines {
		l.dropped++
		return
	}
	level, message, attrs := parseLine(line)
	l.log.LogAttrs(context.Background(), level, message, attrs...)
}

func (l *childLog) tellDropped() {
	if l.dropped > 0 {
		l.log.Warn("the executor said too much", "lines_dropped", l.dropped)
		l.dropped = 0
	}
}

// parseLine reads a line of slog's JSON; any other is a message.
func parseLine(line []byte) (slog.Level, string, []slog.Attr) {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		return slog.LevelError, "executor: " + string(line), nil
	}
	var level slog.Level
	text, _ := fields["level"].(string)
	if level.UnmarshalText([]byte(text)) != nil {
		level = slog.LevelError
	}
	message, _ := fields["msg"].(string)
	delete(fields, "time")
	delete(fields, "level")
	delete(fields, "msg")
	var attrs []slog.Attr
	if len(fields) > 0 {
		attrs = []slog.Attr{slog.Any("executor", fields)}
	}
	return level, message, attrs
}
