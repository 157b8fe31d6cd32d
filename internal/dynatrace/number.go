package dynatrace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// A number is an integer that servers write as 1, 1.0 or "1". Null is 0.
type number int64

// UnmarshalJSON reads all three forms.
func (n *number) UnmarshalJSON(b []byte) error {
	b = bytes.Trim(b, `"`)
	if string(b) == "null" || len(b) == 0 {
		return nil
	}
	var f json.Number
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("%.40q: want a number", b)
	}
	if i, err := f.Int64(); err == nil {
		*n = number(i)
		return nil
	}
	x, err := f.Float64()
	if err != nil || math.Abs(x) > 1<<53 {
		return fmt.Errorf("%.40q: want a whole number", b)
	}
	*n = number(x)
	return nil
}
