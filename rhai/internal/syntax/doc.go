// Package syntax turns Rhai source text into a tree: tokens (lexer.go,
// lex_*.go, token.go), the grammar (parser.go, parse_*.go), the checks that
// need no values (check.go, scope.go) and the tree itself (ast.go, op.go). It
// also writes trees as text (Print) and lays texts out anew (Format).
//
// The tree keeps what the source says and where; it knows nothing of values,
// scopes at run time or code. What native Rhai refuses while parsing is
// refused here, with the same kind of error at the same position. Two places
// differ on purpose: after an escaped `\${` in a back-tick string, and after a
// line end that follows a double quote in a raw string, native miscounts
// columns and lines, and this package does not.
//
// Any text is safe to parse: time is linear in its length, recursion is
// bounded whatever the options say, and all failures are *Error values.
// Nothing here has state between calls, so all functions may be called
// concurrently.
package syntax
