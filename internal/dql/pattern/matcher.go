package pattern

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql"
)

func between(low, high byte) func(byte) bool {
	return func(b byte) bool { return b >= low && b <= high }
}

func anyOf(fs ...func(byte) bool) func(byte) bool {
	return func(b byte) bool {
		for _, f := range fs {
			if f(b) {
				return true
			}
		}
		return false
	}
}

func not(f func(byte) bool) func(byte) bool { return func(b byte) bool { return !f(b) } }

func isSpace(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }

// classes are the matchers of one character.
var classes = map[string]func(byte) bool{
	"UPPER": between('A', 'Z'), "LOWER": between('a', 'z'), "DIGIT": between('0', '9'),
	"ALPHA":  anyOf(between('A', 'Z'), between('a', 'z')),
	"ALNUM":  anyOf(between('A', 'Z'), between('a', 'z'), between('0', '9')),
	"XDIGIT": anyOf(between('A', 'F'), between('a', 'f'), between('0', '9')),
	"WORD":   isWord, "SPACE": isSpace, "NSPACE": not(isSpace),
	"BLANK": func(b byte) bool { return b == ' ' || b == '\t' },
	"PUNCT": anyOf(between('!', '/'), between(':', '@'), between('[', '`'), between('{', '~')),
	"GRAPH": between('!', '~'), "PRINT": between(' ', '~'), "ASCII": between(0, 127),
	"CNTRL": anyOf(between(1, 31), func(b byte) bool { return b == 127 }),
}

// expressions are the matchers that a regular expression describes; what they
// match is of the kind.
var expressions = map[string]struct {
	re   *regexp.Regexp
	kind string
}{
	"INT":          {regexp.MustCompile(`^[+-]?[0-9]+`), "int"},
	"LONG":         {regexp.MustCompile(`^[+-]?[0-9]+`), "long"},
	"HEXINT":       {regexp.MustCompile(`^[+-]?(0x|0X)?[0-9a-fA-F]+`), "hex"},
	"HEXLONG":      {regexp.MustCompile(`^[+-]?(0x|0X)?[0-9a-fA-F]+`), "hex"},
	"DOUBLE":       {regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`), "double"},
	"CDOUBLE":      {regexp.MustCompile(`^[+-]?[0-9]+(,[0-9]+)?([eE][+-]?[0-9]+)?`), "double"},
	"BOOLEAN":      {regexp.MustCompile(`^(?i:true|false)`), "boolean"},
	"IPV4":         {regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3}){3}`), "ip"},
	"IPV6":         {regexp.MustCompile(`^[0-9a-fA-F]*:[0-9a-fA-F:]*(:[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:])`), "ip"},
	"UUIDSTRING":   {regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`), "string"},
	"DQS":          {regexp.MustCompile(`^"(?:[^"\\]|\\.)*"`), "quoted"},
	"SQS":          {regexp.MustCompile(`^'(?:[^'\\]|\\.)*'`), "quoted"},
	"CSVDQS":       {regexp.MustCompile(`^"(?:[^"]|"")*"`), "doubled"},
	"CSVSQS":       {regexp.MustCompile(`^'(?:[^']|'')*'`), "doubled"},
	"STRING":       {regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\x00-\x20"']+)`), "quoted"},
	"SMARTSCAPEID": {regexp.MustCompile(`^[A-Z][A-Z0-9_]*-[0-9A-F]{16}`), "smartscape_id"},
}

var aliases = map[string]string{
	"INTEGER": "INT", "FLOAT": "DOUBLE", "CFLOAT": "CDOUBLE", "BOOL": "BOOLEAN", "IP": "IPADDR",
	"IPV4ADDR": "IPV4", "IPV6ADDR": "IPV6", "LDATA": "LD", "LF": "EOL", "WINEOL": "EOLWIN",
	"TIME": "TIMESTAMP", "BOF": "BOS", "EOF": "EOS", "JSON_OBJECT": "JSON",
}

// formats are the matchers of a timestamp in a fixed form.
var formats = map[string]string{
	"TIMESTAMP": "yyyy-MM-dd HH:mm:ss", "ISO8601": "yyyy-MM-dd'T'HH:mm:ssZ",
	"HTTPDATE": "dd/MMM/yyyy:HH:mm:ss Z", "JSONTIMESTAMP": "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
}

// matcher reads the configuration of a named matcher and returns it.
func (p *parser) matcher(name string) (node, error) {
	if a, ok := aliases[name]; ok {
		name = a
	}
	options, err := p.options()
	if err != nil {
		return nil, err
	}
	if f, ok := classes[name]; ok {
		return class{in: f, min: 1, max: 1}, nil
	}
	if x, ok := expressions[name]; ok {
		return value{func(m *matcher, at int) (int, dql.Value) { return expression(m, at, x.re, x.kind, options) }}, nil
	}
	if format, ok := formats[name]; ok {
		return timestampNode(format, options, p)
	}
	switch name {
	case "LD":
		return data{1, 4096, true}, nil
	case "DATA":
		return data{1, 4096, false}, nil
	case "EOL":
		return literal("\n"), nil
	case "CR":
		return literal("\r"), nil
	case "EOLWIN":
		return literal("\r\n"), nil
	case "BOS":
		return position(func(m *matcher, at int) bool { return at == 0 }), nil
	case "EOS":
		return position(func(m *matcher, at int) bool { return at == len(m.s) }), nil
	case "IPADDR":
		return value{ipAddress}, nil
	case "JSON", "JSON_ARRAY", "JSON_VALUE":
		return p.json(name)
	case "KVP", "ARRAY", "STRUCTURE":
		return p.compound(name)
	case "ENUM":
		return p.enum()
	}
	return nil, p.errorf("there's no matcher %.30s", name)
}

// position matches nothing at a place.
type position func(m *matcher, at int) bool

func (f position) match(m *matcher, at int, next func(int) bool) bool { return f(m, at) && next(at) }

// options reads (min=1, max=5) or ('format', tz='…'); the first without a name
// is called "".
func (p *parser) options() (map[string]string, error) {
	if !p.accept("(") {
		return nil, nil
	}
	out := map[string]string{}
	for {
		p.space()
		if p.accept(")") {
			return out, nil
		}
		if p.at >= len(p.text) {
			return nil, p.errorf(") is missing")
		}
		name := ""
		if isWord(p.text[p.at]) && p.text[p.at] > '9' {
			name = p.word()
			p.space()
			if !p.accept("=") {
				return nil, p.errorf("= is missing after %.20s", name)
			}
			p.space()
		}
		v, err := p.optionValue()
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
}

func (p *parser) optionValue() (string, error) {
	if p.at < len(p.text) && (p.text[p.at] == '\'' || p.text[p.at] == '"') {
		return p.quoted()
	}
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(",) \t\n", p.text[p.at]) < 0 {
		p.at++
	}
	if start == p.at {
		return "", p.errorf("a value is missing")
	}
	return p.text[start:p.at], nil
}

// expression matches a regular expression and converts what it matched.
func expression(m *matcher, at int, re *regexp.Regexp, kind string, options map[string]string) (int, dql.Value) {
	s := re.FindString(m.s[at:min(len(m.s), at+maxBytes)])
	if s == "" {
		return -1, dql.Null
	}
	v, ok := converted(s, kind)
	if !ok || !inLimits(v, options) {
		return -1, dql.Null
	}
	return at + len(s), v
}

func converted(s, kind string) (dql.Value, bool) {
	switch kind {
	case "int", "long":
		bits := map[string]int{"int": 32, "long": 64}[kind]
		i, err := strconv.ParseInt(s, 10, bits)
		return dql.Long(i), err == nil
	case "hex":
		sign := strings.HasPrefix(s, "-")
		s = strings.TrimPrefix(strings.ToLower(strings.TrimLeft(s, "+-")), "0x")
		i, err := strconv.ParseInt(s, 16, 64)
		if sign {
			i = -i
		}
		return dql.Long(i), err == nil
	case "double":
		f, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
		return dql.Double(f), err == nil
	case "boolean":
		return dql.Bool(strings.EqualFold(s, "true")), true
	case "ip":
		a, err := netip.ParseAddr(s)
		return dql.Text(dql.KindIP, s), err == nil && a.Zone() == ""
	case "quoted":
		return dql.String(unquote(s)), true
	case "doubled":
		q := s[:1]
		return dql.String(strings.ReplaceAll(s[1:len(s)-1], q+q, q)), true
	case "smartscape_id":
		return dql.Text(dql.KindSmartscapeID, s), true
	}
	return dql.String(s), true
}

func unquote(s string) string {
	if s[0] != '"' && s[0] != '\'' || len(s) < 2 {
		return s
	}
	var b strings.Builder
	inside := s[1 : len(s)-1]
	for i := 0; i < len(inside); i++ {
		if inside[i] == '\\' && i+1 < len(inside) {
			i++
			i += escaped(&b, inside[i:])
			continue
		}
		b.WriteByte(inside[i])
	}
	return b.String()
}

// inLimits checks a number against min= and max=.
func inLimits(v dql.Value, options map[string]string) bool {
	f, ok := v.AsDouble()
	if !ok {
		return true
	}
	if low, err := strconv.ParseFloat(options["min"], 64); err == nil && f < low {
		return false
	}
	high, err := strconv.ParseFloat(options["max"], 64)
	return err != nil || f <= high
}

// ipAddress takes the longest address, of either version.
func ipAddress(m *matcher, at int) (int, dql.Value) {
	n := 0
	for at+n < len(m.s) && n < 45 && (classes["XDIGIT"](m.s[at+n]) || m.s[at+n] == ':' || m.s[at+n] == '.') {
		n++
	}
	for ; n > 1; n-- {
		if a, err := netip.ParseAddr(m.s[at : at+n]); err == nil {
			return at + n, dql.Text(dql.KindIP, a.String())
		}
	}
	return -1, dql.Null
}

// timestampNode matches a timestamp in a format of Java's DateTimeFormatter.
func timestampNode(format string, options map[string]string, p *parser) (node, error) {
	for _, name := range []string{"", "format"} {
		if f, ok := options[name]; ok {
			format = f
		}
	}
	layout, err := compileTime(format)
	if err != nil {
		return nil, p.errorf("%v", err)
	}
	var zone *time.Location
	for _, name := range []string{"tz", "timezone"} {
		if tz, ok := options[name]; ok {
			if zone, err = time.LoadLocation(tz); err != nil {
				return nil, p.errorf("there's no time zone %.30q", tz)
			}
		}
	}
	return value{func(m *matcher, at int) (int, dql.Value) {
		loc := zone
		if loc == nil {
			loc = m.loc
		}
		return layout.scan(m.s, at, loc)
	}}, nil
}

// json matches a JSON value; the types of members, in braces, are skipped: what
// JSON says decides.
func (p *parser) json(name string) (node, error) {
	if p.at < len(p.text) && p.text[p.at] == '{' && name != "JSON_VALUE" {
		depth := 0
		for ; p.at < len(p.text); p.at++ {
			switch p.text[p.at] {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth == 0 {
				p.at++
				break
			}
		}
		p.options()
	}
	want := map[string]dql.Kind{"JSON": dql.KindRecord, "JSON_ARRAY": dql.KindArray}[name]
	return value{func(m *matcher, at int) (int, dql.Value) {
		end := jsonEnd(m.s, at)
		if end < 0 {
			return -1, dql.Null
		}
		v, err := dql.ParseJSON(m.s[at:end])
		if err != nil || want != dql.KindNull && v.Kind() != want {
			return -1, dql.Null
		}
		return end, v
	}}, nil
}

// jsonEnd returns where the JSON value that starts at at ends, -1 if none
// does.
func jsonEnd(s string, at int) int {
	d := json.NewDecoder(strings.NewReader(s[at:]))
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return -1
	}
	return at + int(d.InputOffset())
}

// compound reads the pattern in braces of KVP, ARRAY or STRUCTURE.
func (p *parser) compound(name string) (node, error) {
	p.space()
	if !p.accept("{") {
		return nil, p.errorf("%s needs a pattern in braces", name)
	}
	outer := p.exports
	p.exports = nil
	n, err := p.group("}")
	inner := p.exports
	p.exports = outer
	if err != nil {
		return nil, err
	}
	low, high := 1, 128
	if p.at < len(p.text) && p.text[p.at] == '{' && name != "STRUCTURE" {
		if low, high, err = p.quantifier(); err != nil {
			return nil, err
		}
	}
	if name == "STRUCTURE" {
		high = 1
	}
	return value{func(m *matcher, at int) (int, dql.Value) { return gather(m, at, n, name, inner, low, high) }}, nil
}

// gather matches n again and again and makes a value of its exports.
func gather(m *matcher, at int, n node, name string, exports []string, low, high int) (int, dql.Value) {
	var list []dql.Value
	var keys []string
	count := 0
	for ; count < high; count++ {
		sub := &matcher{s: m.s, loc: m.loc}
		end, ok := sub.run(n, at)
		if !ok || end == at {
			break
		}
		vals := sub.values(exports)
		at = end
		switch {
		case name == "KVP":
			keys, list = pair(keys, list, exports, vals)
		case len(exports) == 1 && name == "ARRAY":
			list = append(list, vals[0])
		default:
			list = append(list, dql.Object(dql.NewRecord(exports, vals)))
		}
	}
	if count < low {
		return -1, dql.Null
	}
	switch name {
	case "KVP":
		return at, dql.Object(dql.NewRecord(keys, list))
	case "STRUCTURE":
		return at, list[0]
	}
	return at, dql.Array(list...)
}

// pair adds a key and the first of its values that matched.
func pair(keys []string, list []dql.Value, exports []string, vals []dql.Value) ([]string, []dql.Value) {
	key, val := "", dql.Null
	for i, name := range exports {
		if name == "key" {
			key, _ = vals[i].AsText()
		} else if val.IsNull() {
			val = vals[i]
		}
	}
	for i, k := range keys {
		if k == key {
			list[i] = val
			return keys, list
		}
	}
	return append(keys, key), append(list, val)
}

// enum reads {'a'=1, 'b'=2}.
func (p *parser) enum() (node, error) {
	if !p.accept("{") {
		return nil, p.errorf("ENUM needs its values in braces")
	}
	words := map[string]int64{}
	for {
		p.space()
		if p.accept("}") {
			break
		}
		if p.at >= len(p.text) {
			return nil, p.errorf("} is missing")
		}
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		p.space()
		if !p.accept("=") {
			return nil, p.errorf("= is missing")
		}
		p.space()
		v, err := strconv.ParseInt(p.word(), 10, 64)
		if err != nil {
			return nil, p.errorf("a number is missing")
		}
		words[name] = v
	}
	return value{func(m *matcher, at int) (int, dql.Value) {
		end, v := -1, dql.Null
		for word, n := range words {
			if strings.HasPrefix(m.s[at:], word) && at+len(word) > end {
				end, v = at+len(word), dql.Long(n)
			}
		}
		return end, v
	}}, nil
}
