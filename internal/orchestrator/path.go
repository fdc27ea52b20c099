package orchestrator

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/internal/picloud"
)

// normalPath is the decoded path of a URL, or why it is refused: see the
// package comment. It never changes a path: what is not in normal form is not
// served.
func normalPath(u *url.URL) (string, error) {
	path := u.Path
	if path == "" || path[0] != '/' {
		return "", malformedPath("it does not start with /")
	}
	// RawPath is set only where the path was not encoded in the usual way, as
	// it is when a slash is.
	if u.RawPath != "" && hasEncodedSlash(u.RawPath) {
		return "", malformedPath("it holds an encoded slash")
	}
	if !utf8.ValidString(path) {
		return "", malformedPath("it is not valid UTF-8")
	}
	for start, i := 1, 1; i <= len(path); i++ {
		if i < len(path) {
			switch c := path[i]; {
			case c < ' ' || c == 0x7f:
				return "", malformedPath("it holds a control character")
			case c == '\\':
				return "", malformedPath("it holds a backslash")
			case c != '/':
				continue
			}
		}
		// A segment ends here. Only the last may be empty.
		if why := refusedSegment(path[start:i], i == len(path)); why != "" {
			return "", malformedPath(why)
		}
		start = i + 1
	}
	return path, nil
}

func refusedSegment(segment string, last bool) string {
	if segment == "" && !last {
		return "it holds an empty segment"
	}
	name, _, _ := strings.Cut(segment, ";")
	if name == "." || name == ".." {
		return "it holds a dot segment"
	}
	return ""
}

func hasEncodedSlash(raw string) bool {
	for {
		i := strings.IndexByte(raw, '%')
		if i < 0 || i+2 >= len(raw) {
			return false
		}
		switch raw[i+1 : i+3] {
		case "2f", "2F", "5c", "5C":
			return true
		}
		raw = raw[i+3:]
	}
}

func malformedPath(why string) error {
	return picloud.Errorf(picloud.CodeMalformed, "the path cannot be served: %s", why)
}

// reserved reports whether a path is PiCloud's own.
func reserved(path string) bool {
	return strings.HasPrefix(path, picloud.ReservedPrefix) &&
		(len(path) == len(picloud.ReservedPrefix) || path[len(picloud.ReservedPrefix)] == '/')
}
