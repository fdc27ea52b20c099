package rhai

import "github.com/picloud/picloud/rhai/internal/syntax"

// Format gives a source text in standard layout, comments kept. Formatting
// twice changes nothing more. A text that does not parse is an *Error.
func Format(name, source string) (string, error) {
	text, err := syntax.Format(source)
	if err != nil {
		return "", parseError(name, source, err)
	}
	return text, nil
}
