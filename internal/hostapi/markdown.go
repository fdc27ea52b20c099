package hostapi

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/picloud/picloud/rhai"
)

// What a Markdown text may be: reading it cannot be interrupted, and some texts
// take time in proportion to the square of their length.
const (
	maxMarkdown        = 128 << 10
	maxMarkdownNesting = 100 // quotes and lists on one line, or brackets in one paragraph

	// What a byte costs: reading one takes up to a microsecond, and the tree some
	// hundred bytes for the shortest pieces.
	markdownOperations = 20
	markdownMemory     = 256
)

// markdownModule is CommonMark with GitHub's tables, strikethrough, task lists
// and links. HTML in a text is left out, and so are links that would run
// something: a text of anybody can go into a page.
func markdownModule() *rhai.Module {
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList, extension.Linkify),
	)
	breaks := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList, extension.Linkify),
		goldmark.WithRendererOptions(html.WithHardWraps()),
	)
	return rhai.NewModule("markdown").
		Func("html", params(rhai.StringType), func(c *rhai.Call) error { return markdown(c, md) },
			"Markdown as HTML; HTML in it is left out, and so are links that would run something").
		Func("html", params(rhai.StringType, rhai.MapType), func(c *rhai.Call) error {
			if err := onlyOptions(c, c.Arg(1), "breaks"); err != nil {
				return err
			}
			v, _ := c.Arg(1).Get("breaks")
			on, isBool := v.AsBool()
			if !isBool && !v.IsUnit() {
				return c.Fail("breaks is true or false")
			}
			if on {
				return markdown(c, breaks)
			}
			return markdown(c, md)
		}, "the same, with #{breaks: true} for the end of a line to be one")
}

func markdown(c *rhai.Call, md goldmark.Markdown) error {
	source := text(c, 0)
	if len(source) > maxMarkdown {
		return c.Fail("the text has %d bytes, at most %d are allowed", len(source), maxMarkdown)
	}
	if deep(source) {
		return c.Fail("the text nests more than %d deep", maxMarkdownNesting)
	}
	if err := c.Charge(100 + markdownOperations*len(source)); err != nil {
		return err
	}
	if err := c.Room(markdownMemory * len(source)); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := md.Convert([]byte(source), &out); err != nil {
		return c.Fail("the text cannot be read as Markdown: %v", err)
	}
	if err := work(c, 0, out.Len()); err != nil {
		return err
	}
	return returnText(c, out.String())
}

// deep reports whether a text may nest deeper than is allowed: it counts what
// opens something, without looking whether it does.
func deep(source string) bool {
	brackets := 0
	for line := range strings.SplitSeq(source, "\n") {
		if containers(line) > maxMarkdownNesting {
			return true
		}
		if strings.TrimSpace(line) == "" {
			brackets = 0 // a paragraph ends
		}
		for i := range len(line) {
			switch line[i] {
			case '[', '(':
				brackets++
			case ']', ')':
				brackets = max(brackets-1, 0)
			}
			if brackets > maxMarkdownNesting {
				return true
			}
		}
	}
	return false
}

// containers counts the marks of quotes and lists that a line begins with.
func containers(line string) (n int) {
	number := false
	for i := range len(line) {
		spaced := i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t')
		switch c := line[i]; {
		case c == '>' || spaced && (c == '-' || c == '+' || c == '*' || number && (c == '.' || c == ')')):
			n++
			number = false
		case '0' <= c && c <= '9':
			number = true
		case c != ' ' && c != '\t':
			return n
		}
	}
	return n
}
