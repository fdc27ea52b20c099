// Package syntax turns Rhai source text into a tree: tokens (lexer), the
// grammar (parser), the tree itself (ast.go) and its printer.
//
// The tree keeps what the source says and where; it knows nothing of values,
// scopes at run time or code. What native Rhai refuses while parsing is
// refused here, with the same kind of error at the same position.
package syntax
