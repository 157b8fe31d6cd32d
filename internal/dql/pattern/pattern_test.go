package pattern_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/pattern"
)

func TestParse(t *testing.T) {
	const no = "no match"
	tests := []struct{ pattern, text, want string }{
		{"LONG:result", "45 46", `{"result":45}`},
		{"INT:a ' ' IPADDR:ip EOL", "7 10.0.0.1\n", `{"a":7,"ip":"10.0.0.1"}`},
		{"INT:a ' ' IPADDR:ip", "7 fe80::1", `{"a":7,"ip":"fe80::1"}`},
		{"LD:user ' [' LD:rest ']'", "ann b [x y]", `{"user":"ann b","rest":"x y"}`},
		{"LD 'ip=' IPV4:ip", "some text ip=192.168.0.1 more", `{"ip":"192.168.0.1"}`},
		{"LD:all", "to the end\nnot this", `{"all":"to the end"}`},
		{"DATA:all '!'", "over\nlines!", `{"all":"over\nlines"}`},
		{"TIMESTAMP('yyyy-MM-dd HH:mm:ss'):at", "2023-11-01 12:52:12", `{"at":"2023-11-01T12:52:12.000000000Z"}`},
		{"TIMESTAMP('dd/MMM/yyyy:HH:mm:ss Z'):at", "01/Nov/2023:12:52:12 +0100", `{"at":"2023-11-01T11:52:12.000000000Z"}`},
		{"TIMESTAMP('yyyy-MM-dd HH:mm:ss', tz='America/New_York'):at", "2023-07-01 08:00:00", `{"at":"2023-07-01T12:00:00.000000000Z"}`},
		{"ISO8601:at", "2023-11-01T12:52:12Z", `{"at":"2023-11-01T12:52:12.000000000Z"}`},
		{"ALPHA+:word DIGIT{2,3}:n", "abc1234", `{"word":"abc","n":"123"}`},
		{"[a-c_]+:x [^ ]*:y", "ab_cd e", `{"x":"ab_c","y":"d"}`},
		{"[:alnum:]{3}:x", "a1b2", `{"x":"a1b"}`},
		{"('a'|'b'):x 'c'", "bc", `{"x":"b"}`},
		{"'a' LONG?:n 'b'", "ab", `{"n":null}`},
		{"'a' LONG:n? 'b'", "a5b", `{"n":5}`},
		{"DOUBLE:d ' ' BOOLEAN:b ' ' HEXINT:h", "-1.5e2 TRUE 0xff", `{"d":-150,"b":true,"h":255}`},
		{"DQS:q SPACE SQS:s", `"a \"b\"" 'c'`, `{"q":"a \"b\"","s":"c"}`},
		{"JSON:j", `{"a":{"b":[1,2]}} tail`, `{"j":{"a":{"b":[1,2]}}}`},
		{"JSON{STRING:a}:j", `{"a":"x","c":1}`, `{"j":{"a":"x","c":1}}`},
		{"KVP{LD:key '=' LONG:value ' '?}:kv", "a=1 b=2 c=x", `{"kv":{"a":1,"b":2}}`},
		{"ARRAY{LONG:n ','?}{1,5}:list", "1,2,3", `{"list":[1,2,3]}`},
		{"STRUCTURE{LONG:a ' ' LONG:b}:s", "1 2", `{"s":{"a":1,"b":2}}`},
		{"ENUM{'low'=1, 'high'=2}:level", "high", `{"level":2}`},
		{"IPADDR:ip <<INT(min=50)", "1.2.3.55", `{"ip":"1.2.3.55"}`},
		{"INT(min=50):n", "4", no},
		{"$pair = LD:k '=' LD:v; $pair ';'", "a=b;", `{"k":"a","v":"b"}`},
		{"UUIDSTRING:u", "123e4567-e89b-12d3-a456-426614174000", `{"u":"123e4567-e89b-12d3-a456-426614174000"}`},
		{"LD /* up to */ 'x' // done", "aax", `{}`},
		{"LONG:n EOS", "5 ", no},
		{"'x'", "y", no},
	}
	for _, tt := range tests {
		p, err := pattern.Compile(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		got := no
		if vals, ok := p.Parse(tt.text, time.UTC); ok {
			got = string(dql.AppendJSON(nil, dql.Object(dql.NewRecord(p.Exports(), vals))))
		}
		if got != tt.want {
			t.Errorf("%s on %q\nhave %s\nwant %s", tt.pattern, tt.text, got, tt.want)
		}
	}
}

func TestMatchIsOfTheWhole(t *testing.T) {
	p, err := pattern.Compile("TIME ' : ' LONG")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"2023-11-01 12:52:12 : 766": true, "2023-11-01 12:53:00:123": false, "2023-11-01 12:55:59 : 192.168.0.1": false,
	} {
		if got := p.Match(text, nil); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestAll(t *testing.T) {
	p, err := pattern.Compile("LONG:n")
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]int
	for _, f := range p.All("a12b3", nil) {
		got = append(got, [2]int{f.Start, f.End})
	}
	if diff := cmp.Diff([][2]int{{1, 3}, {4, 5}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"FOO:a":               `pattern: character 4: there's no matcher FOO`,
		"'a":                  `pattern: character 1: string has no closing '`,
		"(LONG":               `pattern: character 6: ) is missing`,
		"[a":                  `pattern: character 3: ] is missing`,
		"LONG{5,2}":           `pattern: character 10: {5,2} isn't a quantifier`,
		"LONG:":               `pattern: character 6: a name is missing`,
		"TIMESTAMP('yyyyGG')": `pattern: character 20: time format "yyyyGG": letter G is not known`,
		"$x":                  `pattern: character 3: there's no macro $x`,
		"KVP":                 `pattern: character 4: KVP needs a pattern in braces`,
	} {
		if _, err := pattern.Compile(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// A pattern that could try without end gives up.
func TestCostIsBounded(t *testing.T) {
	text := ""
	for range 5000 {
		text += "a"
	}
	for _, s := range []string{"(('a'*)*)* 'b'", "(LD LD LD LD LD) 'b'", "DATA DATA DATA DATA DATA 'b'", "ARRAY{'a'?}{1,32768} 'b'"} {
		p, err := pattern.Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		if p.Match(text, nil) {
			t.Errorf("%s matches", s)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("IPADDR:ip ' ' LD:user ' [' TIMESTAMP('yyyy-MM-dd'):at ']'", "1.2.3.4 a [2023-11-01]")
	f.Add("KVP{LD:key '=' (LONG:value_n|LD:value_s) ' '?}:kv", "a=1 b=x")
	f.Add("$a = [a-z]+; ($a|DIGIT{1,3})*:x !>>'!' EOS", "abc12")
	f.Add("ENUM{'a'=1}? JSON:j DQS CSVSQS STRING", `a{"x":1}"q"''s`)
	f.Fuzz(func(t *testing.T, text, s string) {
		if len(text) > 200 || len(s) > 1000 {
			return
		}
		p, err := pattern.Compile(text)
		if err != nil {
			return
		}
		if vals, _ := p.Parse(s, time.UTC); len(vals) != len(p.Exports()) {
			t.Fatalf("%d values of %d exports", len(vals), len(p.Exports()))
		}
		p.Match(s, nil)
		last := 0
		for _, m := range p.All(s, nil) {
			if m.Start < last || m.End <= m.Start || m.End > len(s) {
				t.Fatalf("match %d to %d after %d", m.Start, m.End, last)
			}
			last = m.End
		}
	})
}
