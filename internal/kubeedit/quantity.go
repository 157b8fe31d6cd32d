package kubeedit

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// maxQuantity bounds the text that is read as a quantity: exponents would make
// short texts into numbers of any length.
const maxQuantity = 32

// isQuantity reports whether text is a resource quantity, such as 500m or 1Gi.
func isQuantity(text string) bool {
	_, err := parseQuantity(text)
	return err == nil
}

func parseQuantity(text string) (resource.Quantity, error) {
	if len(text) > maxQuantity || text == "" {
		return resource.Quantity{}, fmt.Errorf("quantity %.40q: want a number such as 500m or 512Mi", text)
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return q, fmt.Errorf("quantity %q: want a number such as 500m or 512Mi", text)
	}
	return q, nil
}

// CheckQuantity reports a text that a resource of a container cannot have, or
// that is a slip of the pen: bytes of CPU, thousandths of a byte.
func CheckQuantity(resource, text string) error {
	q, err := parseQuantity(text)
	switch {
	case err != nil:
		return err
	case q.Sign() < 0:
		return fmt.Errorf("quantity %s is negative", text)
	case resource == "cpu" && strings.Trim(text, "0123456789.m") != "":
		return fmt.Errorf("quantity %s of cpu: want cores, such as 2 or 500m", text)
	case resource == "memory" && strings.HasSuffix(text, "m"):
		return fmt.Errorf("quantity %s of memory: m is a thousandth of a byte; want Mi", text)
	}
	return nil
}

// Above reports whether quantity a is larger than b; false where one of them is
// not a quantity, since then nobody can tell.
func Above(a, b string) bool {
	x, errX := parseQuantity(strings.TrimSpace(a))
	y, errY := parseQuantity(strings.TrimSpace(b))
	return errX == nil && errY == nil && x.Cmp(y) > 0
}
