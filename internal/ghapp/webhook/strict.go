package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how deep a payload may nest. GitHub's own stay below 10; users'
// data inside them may go somewhat deeper.
const maxDepth = 64

// strict reports JSON that two readers could understand differently: more than
// one value, or an object that has the same key twice. It also bounds nesting.
func strict(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var stack []*object
	for {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("breaks off: want one JSON object")
		case err != nil:
			return err
		}
		var top *object
		if len(stack) > 0 {
			top = stack[len(stack)-1]
		}
		if key, ok := token.(string); ok && top.wantsKey() {
			if top.keys[key] {
				return fmt.Errorf("key %.80q stands twice in one object", key)
			}
			top.keys[key], top.value = true, true
			continue
		}
		top.taken()
		switch token {
		case json.Delim('{'):
			stack = append(stack, &object{keys: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, &object{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		switch {
		case len(stack) > maxDepth:
			return fmt.Errorf("nests more than %d levels", maxDepth)
		case len(stack) == 0 && token != json.Delim('}'):
			return errors.New("want a JSON object")
		case len(stack) == 0:
			return end(dec)
		}
	}
}

// An object is a JSON object or array that is being read.
type object struct {
	keys  map[string]bool // nil for an array
	value bool            // a key was read, its value comes next
}

func (o *object) wantsKey() bool { return o != nil && o.keys != nil && !o.value }

// taken notes that the value of a key has come.
func (o *object) taken() {
	if o != nil {
		o.value = false
	}
}

func end(dec *json.Decoder) error {
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("goes on after the JSON object")
	}
	return nil
}
