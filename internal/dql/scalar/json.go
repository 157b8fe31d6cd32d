package scalar

import "github.com/salvehq/salve/internal/dql"

// ParseRecords reads a JSON object or a list of objects.
func ParseRecords(text string) ([]dql.Value, bool) {
	v, err := dql.ParseJSON(text)
	if err != nil {
		return nil, false
	}
	if v.Kind() == dql.KindRecord {
		return []dql.Value{v}, true
	}
	list, ok := v.AsArray()
	for _, e := range list {
		ok = ok && e.Kind() == dql.KindRecord
	}
	return list, ok
}
