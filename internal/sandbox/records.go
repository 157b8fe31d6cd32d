package sandbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// fieldTypes are the types of the fields that JSON writes as text.
// https://docs.dynatrace.com/docs/semantic-dictionary/model/davis
var fieldTypes = map[string]dql.Type{
	"timestamp": {Type: "timestamp"}, "event.start": {Type: "timestamp"}, "event.end": {Type: "timestamp"},
	"resolved_problem_duration": {Type: "duration"}, "event.severity": {Type: "long"}, "dt.davis.affected_users_count": {Type: "long"},
}

// Records reads the JSON lines of a world, and moves every time in them by
// shift.
func Records(world fs.FS, shift time.Duration, files ...string) ([]dql.Record, error) {
	var out []dql.Record
	for _, file := range files {
		text, err := fs.ReadFile(world, file)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			array := append(append([]byte{'['}, lines.Bytes()...), ']')
			recs, err := dql.DecodeGrail(array, []dql.Types{{IndexRange: [2]int{0, 0}, Mappings: fieldTypes}})
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, n, err)
			}
			out = append(out, moved(recs[0], shift))
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return out, nil
}

// moved returns r with its times moved.
func moved(r dql.Record, shift time.Duration) dql.Record {
	var names []string
	var values []dql.Value
	for name, v := range r.All() {
		if t, ok := v.AsTime(); ok {
			v = dql.Time(t.Add(shift))
		}
		names, values = append(names, name), append(values, v)
	}
	return dql.NewRecord(names, values)
}
