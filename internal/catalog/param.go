package catalog

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

// A Param is a value that a query needs: ${NAME} in its text.
type Param struct {
	Name string
	Type ParamType
	Doc  string
}

// A ParamType says which values fit a parameter.
type ParamType string

// The types of parameters.
const (
	TypeString    ParamType = "string"
	TypeStrings   ParamType = "strings" // an array of strings, such as entity ids
	TypeLong      ParamType = "long"
	TypeTimestamp ParamType = "timestamp"
	TypeDuration  ParamType = "duration"
)

var paramTypes = []ParamType{TypeString, TypeStrings, TypeLong, TypeTimestamp, TypeDuration}

// maxText bounds one text in a parameter: longer names do not exist.
const maxText = 4096

// maxTexts bounds a list.
const maxTexts = 1000

// check refuses a value that is not of p's type.
func (p Param) check(v dql.Value) error {
	ok := false
	switch p.Type {
	case TypeString:
		var s string
		s, ok = v.AsString()
		if ok && (strings.TrimSpace(s) == "" || len(s) > maxText) {
			return fmt.Errorf("parameter %s: want 1 to %d bytes of text, not %d", p.Name, maxText, len(s))
		}
	case TypeStrings:
		return p.checkList(v)
	case TypeLong:
		_, ok = v.AsLong()
	case TypeTimestamp:
		_, ok = v.AsTime()
	case TypeDuration:
		_, ok = v.AsDuration()
	}
	if !ok {
		return fmt.Errorf("parameter %s: want %s, not %s", p.Name, p.Type, v.Kind())
	}
	return nil
}

// checkList refuses an empty list too: a filter by no entity finds nothing,
// and nothing would pass for health.
func (p Param) checkList(v dql.Value) error {
	list, ok := v.AsArray()
	if !ok {
		return fmt.Errorf("parameter %s: want %s, not %s", p.Name, p.Type, v.Kind())
	}
	if len(list) == 0 || len(list) > maxTexts {
		return fmt.Errorf("parameter %s: want 1 to %d texts, not %d", p.Name, maxTexts, len(list))
	}
	one := Param{Name: p.Name, Type: TypeString}
	for _, e := range list {
		if err := one.check(e); err != nil {
			return err
		}
	}
	return nil
}

// Parse reads a value of p's type from text, as a person types it: a list
// with commas, a time as in RFC 3339, a duration as in Go ("90s", "15m").
func (p Param) Parse(text string) (dql.Value, error) {
	var v dql.Value
	var err error
	switch p.Type {
	case TypeString:
		v = dql.String(text)
	case TypeStrings:
		var list []string
		for s := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(s))
		}
		v = dql.Strings(list...)
	case TypeLong:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v = dql.Long(n)
	case TypeTimestamp:
		var t time.Time
		t, err = time.Parse(time.RFC3339Nano, text)
		v = dql.Time(t)
	case TypeDuration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		v = dql.Duration(d)
	}
	if err != nil {
		return dql.Null, fmt.Errorf("parameter %s: %q: want %s", p.Name, text, p.Type)
	}
	return v, p.check(v)
}
