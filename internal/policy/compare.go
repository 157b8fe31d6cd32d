package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Compare orders two values of a kind: negative if a is less than b. Threshold
// is a kind here that has no rule of its own. Values that cannot be read, or
// instance types of different families, are an error.
func Compare(k Kind, a, b string) (int, error) {
	switch k {
	case InstanceType:
		family, size, _, sizes := ladder(a)
		other, top, _, _ := ladder(b)
		i, j := slices.Index(sizes, size), slices.Index(sizes, top)
		if family != other || i < 0 || j < 0 {
			return 0, fmt.Errorf("%q and %q are not two sizes of one known family", a, b)
		}
		return cmp.Compare(i, j), nil
	case Threshold:
		x, err := strconv.ParseFloat(a, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a number", a)
		}
		y, err := strconv.ParseFloat(b, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a number", b)
		}
		return cmp.Compare(x, y), nil
	}
	m, ok := measureOf(k)
	if !ok {
		return 0, fmt.Errorf("values of kind %q are not compared", k)
	}
	x, err := m.parse(a)
	if err != nil {
		return 0, err
	}
	y, err := m.parse(b)
	if err != nil {
		return 0, err
	}
	return cmp.Compare(x, y), nil
}

// Threshold is a number that an alert rule compares with, in any unit. No rule
// of this package moves one.
const Threshold Kind = "threshold"
