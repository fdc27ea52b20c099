package main

import (
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Bounds of the history: lines, and bytes of a line that is kept.
const (
	maxHistory     = 1000
	maxHistoryLine = 4 << 10
)

// history is the lines of this session and of earlier ones, in a file unless
// path is "". It is a convenience: that it cannot be kept is no error.
type history struct {
	path  string
	lines []string // oldest first
}

// historyFile is where the history is kept, or "" where there is no place for
// it.
func historyFile() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "rhai", "history")
}

func openHistory(path string) *history {
	h := &history{path: path}
	data, err := os.ReadFile(path)
	if path == "" || err != nil {
		return h
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && utf8.ValidString(line) {
			h.lines = append(h.lines, line)
		}
	}
	if h.trim() {
		h.rewrite()
	}
	return h
}

// trim drops the oldest lines when there are too many.
func (h *history) trim() bool {
	if len(h.lines) <= maxHistory {
		return false
	}
	h.lines = append([]string(nil), h.lines[len(h.lines)-maxHistory:]...)
	return true
}

// Add keeps a line, unless it is empty, very long, or the same as the last.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || len(line) > maxHistoryLine || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	h.trim()
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteString(line + "\n")
}

// rewrite replaces the file by the lines that are kept.
func (h *history) rewrite() {
	_ = os.WriteFile(h.path, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600)
}

// Len is the number of lines.
func (h *history) Len() int { return len(h.lines) }

// At is a line; the newest is 0.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
