package syntax

// NewIdent makes a use of a variable that the source does not spell out.
func NewIdent(at Pos, name string) *Ident { return &Ident{exprNode{At{at}}, name} }

// NewCall makes a call that the source does not spell out.
func NewCall(at Pos, name string, args ...Expr) *Call {
	return &Call{exprNode: exprNode{At{at}}, Name: name, Args: args}
}
