package dynatrace

import (
	"encoding/json"
	"fmt"

	"github.com/salvehq/salve/internal/dql"
)

// decode turns records into values. Grail writes long and duration as strings;
// the types that come with the records tell them from text.
func decode(records, types json.RawMessage) ([]dql.Record, error) {
	if len(records) == 0 {
		return nil, nil
	}
	var all []dql.Types
	if len(types) > 0 {
		if err := json.Unmarshal(types, &all); err != nil {
			return nil, fmt.Errorf("types: %w", err)
		}
	}
	return dql.DecodeGrail(records, all)
}
