package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// maxDepth is how deep a payload may nest. GitHub's own stay below 10; users'
// data inside them may go somewhat deeper.
const maxDepth = 64

// strict reports JSON that two readers could understand differently: more than
// one value, an object that has the same key twice or, where it is decoded into
// v, a key in other letters than GitHub's, which package json would take for
// it. It also bounds nesting.
func strict(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	next := reflect.TypeOf(v) // what the value that follows is decoded into
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
			if next, err = field(top.into, key); err != nil {
				return err
			}
			continue
		}
		if top.taken(); top != nil && top.keys == nil {
			next = element(top.into)
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, &object{keys: map[string]bool{}, into: next})
		case json.Delim('['):
			stack = append(stack, &object{into: next})
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
	into  reflect.Type    // what it is decoded into; nil for nothing
}

// field returns what the value of a key is decoded into, nil for nothing.
func field(t reflect.Type, key string) (reflect.Type, error) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, nil
	}
	for i := range t.NumField() {
		switch name := t.Field(i).Tag.Get("json"); {
		case name == key:
			return t.Field(i).Type, nil
		case strings.EqualFold(name, key):
			return nil, fmt.Errorf("key %.80q is written in other letters than %q", key, name)
		}
	}
	return nil, nil
}

// element returns what the items of an array are decoded into, nil for nothing.
func element(t reflect.Type) reflect.Type {
	if t == nil || t.Kind() != reflect.Slice {
		return nil
	}
	return t.Elem()
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
