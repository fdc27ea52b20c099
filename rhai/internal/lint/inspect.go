package lint

import "github.com/picloud/picloud/rhai/internal/syntax"

// inspect calls visit for n and every node inside it, in the order of the
// source.
func inspect(n syntax.Node, visit func(syntax.Node)) {
	if absent(n) {
		return
	}
	visit(n)
	for _, m := range children(n) {
		inspect(m, visit)
	}
}

// absent reports whether a node that may be left out is.
func absent(n syntax.Node) bool {
	b, ok := n.(*syntax.Block)
	return n == nil || ok && b == nil
}

// children lists what stands directly inside a node; some may be absent.
func children(n syntax.Node) []syntax.Node {
	switch n := n.(type) {
	case *syntax.Interp:
		return nodes(n.Parts)
	case *syntax.ArrayLit:
		return nodes(n.Elems)
	case *syntax.MapLit:
		var out []syntax.Node
		for _, e := range n.Entries {
			out = append(out, e.Value)
		}
		return out
	case *syntax.Unary:
		return []syntax.Node{n.X}
	case *syntax.Binary:
		return []syntax.Node{n.L, n.R}
	case *syntax.Chain:
		out := []syntax.Node{n.Root}
		for _, s := range n.Steps {
			if s.Index != nil {
				out = append(out, s.Index)
			}
			out = append(out, nodes(s.Args)...)
		}
		return out
	case *syntax.Call:
		return nodes(n.Args)
	case *syntax.Closure:
		return []syntax.Node{n.Body}
	case *syntax.Let:
		return []syntax.Node{n.Value}
	case *syntax.Assign:
		return []syntax.Node{n.Value, n.Target}
	case *syntax.ExprStmt:
		return []syntax.Node{n.X}
	case *syntax.Try:
		return []syntax.Node{n.Body, n.Catch}
	case *syntax.Import:
		return []syntax.Node{n.Path}
	}
	return controlled(n)
}

// controlled is children for what is a statement and an expression.
func controlled(n syntax.Node) []syntax.Node {
	switch n := n.(type) {
	case *syntax.Block:
		return nodes(n.Stmts)
	case *syntax.If:
		return []syntax.Node{n.Cond, n.Then, n.Else}
	case *syntax.Switch:
		out := []syntax.Node{n.Value}
		for _, a := range n.Cases {
			out = append(out, a.Guard, a.Body)
		}
		return out
	case *syntax.While:
		return []syntax.Node{n.Cond, n.Body}
	case *syntax.Loop:
		return []syntax.Node{n.Body}
	case *syntax.Do:
		return []syntax.Node{n.Body, n.Cond}
	case *syntax.For:
		return []syntax.Node{n.Iter, n.Body}
	case *syntax.Break:
		return []syntax.Node{n.Value}
	case *syntax.Return:
		return []syntax.Node{n.Value}
	case *syntax.Throw:
		return []syntax.Node{n.Value}
	}
	return nil
}

func nodes[N syntax.Node](list []N) []syntax.Node {
	out := make([]syntax.Node, len(list))
	for i, n := range list {
		out[i] = n
	}
	return out
}

// startOf is where the text of a node begins.
func startOf(n syntax.Node) syntax.Pos {
	for {
		switch x := n.(type) {
		case *syntax.ExprStmt:
			n = x.X
		case *syntax.Assign:
			n = x.Target
		case *syntax.Binary:
			n = x.L
		case *syntax.Chain:
			n = x.Root
		case *syntax.Qualified:
			return x.PathAt[0]
		case *syntax.Call:
			if len(x.PathAt) > 0 {
				return x.PathAt[0]
			}
			return x.Pos()
		default:
			return n.Pos()
		}
	}
}
