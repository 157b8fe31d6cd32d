package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/salvehq/salve/internal/dql"
)

// writers are the formats of an answer.
var writers = map[string]func(env *environment, recs []dql.Record) error{
	"table": tableOf, "json": jsonOf, "jsonl": linesOf, "csv": csvOf, "yaml": yamlOf,
}

// jsonOf writes one line, an array of objects.
func jsonOf(env *environment, recs []dql.Record) error {
	w := bufio.NewWriter(env.Stdout)
	w.WriteByte('[')
	var b []byte
	for i, r := range recs {
		if i > 0 {
			w.WriteByte(',')
		}
		b = dql.AppendJSON(b[:0], dql.Object(r))
		w.Write(b)
	}
	w.WriteString("]\n")
	return w.Flush()
}

// linesOf writes an object a line, which --records reads again.
func linesOf(env *environment, recs []dql.Record) error {
	w := bufio.NewWriter(env.Stdout)
	var b []byte
	for _, r := range recs {
		b = append(dql.AppendJSON(b[:0], dql.Object(r)), '\n')
		w.Write(b)
	}
	return w.Flush()
}

// yamlOf writes a list of mappings whose values are JSON, which YAML
// contains.
func yamlOf(env *environment, recs []dql.Record) error {
	w := bufio.NewWriter(env.Stdout)
	if len(recs) == 0 {
		w.WriteString("[]\n")
	}
	for _, r := range recs {
		lead := "- "
		if r.Len() == 0 {
			w.WriteString("- {}\n")
		}
		for name, v := range r.All() {
			fmt.Fprintf(w, "%s%s: %s\n", lead, dql.AppendJSON(nil, dql.String(name)), dql.AppendJSON(nil, v))
			lead = "  "
		}
	}
	return w.Flush()
}

func csvOf(env *environment, recs []dql.Record) error {
	w := csv.NewWriter(env.Stdout)
	if len(recs) > 0 {
		if err := w.Write(recs[0].Names()); err != nil {
			return err
		}
	}
	for _, r := range recs {
		row := make([]string, r.Len())
		for i, v := range r.Values() {
			row[i] = cell(v)
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// cell is a value as text: strings as they are, null empty, the rest as JSON.
func cell(v dql.Value) string {
	if s, ok := v.AsText(); ok && v.Kind() != dql.KindBinary {
		return s
	}
	if v.IsNull() {
		return ""
	}
	if d, ok := v.AsDuration(); ok {
		return d.String()
	}
	return strings.Trim(string(dql.AppendJSON(nil, v)), `"`)
}

// tableOf writes columns for people, none wider than the terminal leaves
// room for.
func tableOf(env *environment, recs []dql.Record) error {
	if len(recs) == 0 {
		_, err := fmt.Fprintln(env.Stderr, "no rows")
		return err
	}
	rows := [][]string{recs[0].Names()}
	for _, r := range recs {
		row := make([]string, r.Len())
		for i, v := range r.Values() {
			row[i] = printable(cell(v))
		}
		rows = append(rows, row)
	}
	widths := fit(rows, width(env))
	w := bufio.NewWriter(env.Stdout)
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			text = cut(text, widths[i])
			line.WriteString(text + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)))
		}
		w.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return w.Flush()
}

// printable replaces what could move the cursor or hide text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// narrowest is the least that a column is cut to.
const narrowest = 8

// fit returns the widths of the columns, the widest cut first until all fit
// into total; 0 means any width.
func fit(rows [][]string, total int) []int {
	widths := make([]int, len(rows[0]))
	sum := 2 * (len(widths) - 1)
	for i := range widths {
		for _, row := range rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		sum += widths[i]
	}
	for total > 0 && sum > total {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			break
		}
		widths[widest]--
		sum--
	}
	return widths
}

func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// width is that of the terminal, 0 if the output is none.
func width(env *environment) int {
	f, ok := env.Stdout.(interface {
		io.Writer
		Stat() (os.FileInfo, error)
	})
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return 0
	}
	if n, err := strconv.Atoi(env.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return 120
}
