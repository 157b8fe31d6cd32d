package scalar

var (
	arithmetic = map[string]Func{}
	bitwise    = map[string]Func{}
	network    = map[string]Func{}
	coding     = map[string]Func{}
	structure  = map[string]Func{}
	patterns   = map[string]Func{}
)
