package syntax

// Walk calls visit for n and, as long as visit returns true, for the nodes
// below it, in the order of the text. It enters subqueries.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	switch n := n.(type) {
	case *Query:
		for _, c := range n.Commands {
			Walk(c, visit)
		}
	case *Command:
		walkArgs(n.Params, visit)
	case *Arg:
		if n.Value != nil {
			Walk(n.Value, visit)
		}
	case *Call:
		walkArgs(n.Params, visit)
	case *Unary:
		Walk(n.X, visit)
	case *Binary:
		Walk(n.X, visit)
		Walk(n.Y, visit)
	case *Align:
		if n.X != nil {
			Walk(n.X, visit)
		}
	case *Index:
		Walk(n.X, visit)
		if n.I != nil {
			Walk(n.I, visit)
		}
	case *Paren:
		Walk(n.X, visit)
	case *Group:
		walkArgs(n.Items, visit)
	case *Subquery:
		Walk(n.Query, visit)
	}
}

func walkArgs(args []*Arg, visit func(Node) bool) {
	for _, a := range args {
		Walk(a, visit)
	}
}
