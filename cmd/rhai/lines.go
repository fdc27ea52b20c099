package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// maxLine bounds a line of plain input.
const maxLine = 1 << 20

// plainLines reads lines from what is no terminal.
type plainLines struct {
	in  *bufio.Scanner
	out io.Writer
}

func newPlainLines(in io.Reader, out io.Writer) *plainLines {
	p := &plainLines{bufio.NewScanner(in), out}
	p.in.Buffer(nil, maxLine)
	return p
}

func (p *plainLines) readLine(prompt string) (string, error) {
	fmt.Fprint(p.out, prompt)
	if p.in.Scan() {
		return p.in.Text(), nil
	}
	fmt.Fprintln(p.out)
	if err := p.in.Err(); err != nil {
		return "", err
	}
	return "", io.EOF
}

// terminal reads lines that can be edited. The terminal is only in raw mode
// while a line is typed, so that Ctrl-C stops what runs in between.
type terminal struct {
	fd      int
	keys    *keys
	out     io.Writer
	history *history
	editor  *term.Terminal
}

// newTerminal is false when in or out is no terminal.
func newTerminal(in io.Reader, out io.Writer) (*terminal, bool) {
	f, ok := in.(*os.File)
	g, also := out.(*os.File)
	if !ok || !also || !term.IsTerminal(int(f.Fd())) || !term.IsTerminal(int(g.Fd())) {
		return nil, false
	}
	t := &terminal{fd: int(f.Fd()), keys: &keys{in: f}, out: out, history: openHistory(historyFile())}
	t.start()
	return t, true
}

// start makes an editor with an empty line.
func (t *terminal) start() {
	t.editor = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.keys, t.out}, "")
	t.editor.History = t.history
}

func (t *terminal) readLine(prompt string) (string, error) {
	raw, err := term.MakeRaw(t.fd)
	if err != nil {
		return "", fmt.Errorf("prepare the terminal: %w", err)
	}
	defer term.Restore(t.fd, raw)
	if width, height, err := term.GetSize(t.fd); err == nil && width > 0 {
		// The size can only be refused when the screen cannot be written to,
		// which the next write will tell.
		_ = t.editor.SetSize(width, height)
	}
	t.editor.SetPrompt(prompt)
	line, err := t.editor.ReadLine()
	switch {
	case err == nil || errors.Is(err, term.ErrPasteIndicator):
		return line, nil
	case errors.Is(err, io.EOF) && t.keys.takeInterrupt():
		fmt.Fprint(t.out, "^C\r\n")
		t.start()
		return "", errInterrupted
	case errors.Is(err, io.EOF):
		fmt.Fprint(t.out, "\r\n")
		return "", io.EOF
	}
	return "", err
}

// keys notices Ctrl-C, which the editor reports as the end of the input.
type keys struct {
	in          io.Reader
	interrupted bool
}

func (k *keys) Read(p []byte) (int, error) {
	n, err := k.in.Read(p)
	k.interrupted = k.interrupted || bytes.IndexByte(p[:n], 3) >= 0
	return n, err
}

func (k *keys) takeInterrupt() bool {
	was := k.interrupted
	k.interrupted = false
	return was
}
