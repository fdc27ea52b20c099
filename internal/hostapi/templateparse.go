package hostapi

import (
	"strings"

	"github.com/picloud/picloud/rhai"
)

// templateParser reads a template.
type templateParser struct {
	c    *rhai.Call
	text string
	at   int
}

// parseTemplate reads a text as a template, billed.
func parseTemplate(c *rhai.Call, source string) ([]piece, error) {
	if len(source) > maxTemplate {
		return nil, c.Fail("the template has %d bytes, at most %d are allowed", len(source), maxTemplate)
	}
	tags := strings.Count(source, "{{")
	if tags > maxTemplateTags {
		return nil, c.Fail("the template has more than %d tags", maxTemplateTags)
	}
	const perPiece = 100
	if err := work(c, len(source), 2*perPiece*(tags+1)); err != nil {
		return nil, err
	}
	p := &templateParser{c: c, text: source}
	return p.pieces("", 0)
}

// pieces reads up to the end of a section, or with "" of the template.
func (p *templateParser) pieces(section string, depth int) ([]piece, error) {
	if depth > maxTemplateDepth {
		return nil, p.c.Fail("the template nests more than %d deep", maxTemplateDepth)
	}
	var list []piece
	for {
		open := strings.Index(p.text[p.at:], "{{")
		if open < 0 {
			if section != "" {
				return nil, p.c.Fail("the section {{#%s}} has no {{/%s}}", clip(section), clip(section))
			}
			return literalPiece(list, p.text[p.at:]), nil
		}
		before, start := p.text[p.at:p.at+open], p.at+open
		kind, name, err := p.tag(start)
		if err != nil {
			return nil, err
		}
		if kind != 'v' && kind != 'r' {
			before = p.alone(before, start)
		}
		list = literalPiece(list, before)
		switch kind {
		case '!':
		case '/':
			if name != section {
				return nil, p.c.Fail("{{/%s}} ends no section that is open here", clip(name))
			}
			return list, nil
		default:
			next := piece{kind: kind, name: nameParts(name)}
			if kind == '#' || kind == '^' {
				if next.in, err = p.pieces(name, depth+1); err != nil {
					return nil, err
				}
			}
			list = append(list, next)
		}
	}
}

// literalPiece appends text that there is.
func literalPiece(list []piece, text string) []piece {
	if text == "" {
		return list
	}
	return append(list, piece{text: text})
}

// nameParts are the parts of a dotted name; nil is the dot.
func nameParts(name string) []string {
	if name == "." {
		return nil
	}
	return strings.Split(name, ".")
}

// tag reads the tag at start and goes behind it.
func (p *templateParser) tag(start int) (kind byte, name string, err error) {
	inner, closing := p.text[start+2:], "}}"
	if strings.HasPrefix(inner, "{") {
		inner, closing, kind = inner[1:], "}}}", 'r'
	}
	end := strings.Index(inner, closing)
	if end < 0 {
		return 0, "", p.c.Fail("a tag is not closed: %q", clip(p.text[start:]))
	}
	p.at = len(p.text) - len(inner) + end + len(closing)
	name = strings.TrimSpace(inner[:end])
	if kind == 0 {
		kind = 'v'
		if name != "" && strings.IndexByte("#^/>!&", name[0]) >= 0 {
			kind, name = name[0], strings.TrimSpace(name[1:])
		}
		if kind == '&' {
			kind = 'r'
		}
	}
	if kind == '!' {
		return kind, "", nil
	}
	if name == "" || strings.ContainsAny(name, " \t\r\n{}#^/>!&=") || name != "." && (strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..")) {
		return 0, "", p.c.Fail("%q is not a name in a template", clip(name))
	}
	return kind, name, nil
}

// alone takes a tag that is alone on its line away with the line, as long as it
// shows nothing itself. The parser is behind the tag. It returns what is left of
// the text before the tag.
func (p *templateParser) alone(before string, start int) string {
	line := strings.LastIndexByte(p.text[:start], '\n') + 1
	if strings.Trim(p.text[line:start], " \t") != "" {
		return before
	}
	rest := p.text[p.at:]
	blank := len(rest) - len(strings.TrimLeft(rest, " \t"))
	switch after := rest[blank:]; {
	case after == "":
		p.at += blank
	case after[0] == '\n':
		p.at += blank + 1
	case strings.HasPrefix(after, "\r\n"):
		p.at += blank + 2
	default:
		return before
	}
	return before[:len(before)-min(start-line, len(before))]
}
