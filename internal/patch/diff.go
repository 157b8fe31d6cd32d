package patch

import (
	"bytes"
	"fmt"
	"strings"
)

// context is the number of unchanged lines that a unified diff shows around a
// change, as in diff -u.
const context = 3

// A Hunk is one group of changed lines, without their context.
// Lines count from 1; Old and New keep their line endings.
type Hunk struct {
	OldLine, NewLine int
	Old, New         []string
}

// Hunks returns the lines that differ between a and b, in order. It is linear
// for the few close edits that this program makes: common lines at both ends
// are set aside first, and what remains is compared by its longest common
// subsequence.
func Hunks(a, b []byte) []Hunk {
	x, y := lines(a), lines(b)
	pre := 0
	for pre < len(x) && pre < len(y) && x[pre] == y[pre] {
		pre++
	}
	post := 0
	for post < len(x)-pre && post < len(y)-pre && x[len(x)-1-post] == y[len(y)-1-post] {
		post++
	}
	hunks := compare(x[pre:len(x)-post], y[pre:len(y)-post])
	for i := range hunks {
		hunks[i].OldLine += pre
		hunks[i].NewLine += pre
	}
	return hunks
}

// Unified returns the diffs of all files as git prints them, "" if nothing
// changes.
func (cs ChangeSet) Unified() string {
	var out strings.Builder
	for _, c := range cs {
		out.WriteString(c.Unified())
	}
	return out.String()
}

// Unified returns the diff of one file as git prints it.
func (c FileChange) Unified() string {
	hunks := Hunks(c.Before, c.After)
	if len(hunks) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "diff --git a/%s b/%s\n", c.Path, c.Path)
	from := "a/" + c.Path
	if c.New() {
		from = "/dev/null"
		mode := c.Mode
		if mode == "" {
			mode = "100644"
		}
		fmt.Fprintf(&out, "new file mode %s\n", mode)
	}
	fmt.Fprintf(&out, "--- %s\n+++ b/%s\n", from, c.Path)
	old := lines(c.Before)
	for len(hunks) > 0 {
		n := 1
		for n < len(hunks) && hunks[n].OldLine-(hunks[n-1].OldLine+len(hunks[n-1].Old)) <= 2*context {
			n++
		}
		writeGroup(&out, old, hunks[:n])
		hunks = hunks[n:]
	}
	return out.String()
}

// writeGroup writes hunks that share context under one @@ line.
func writeGroup(out *strings.Builder, old []string, hunks []Hunk) {
	first, last := hunks[0], hunks[len(hunks)-1]
	start := max(first.OldLine-1-context, 0) // index into old
	end := min(last.OldLine-1+len(last.Old)+context, len(old))
	newLen := end - start
	for _, h := range hunks {
		newLen += len(h.New) - len(h.Old)
	}
	newStart := first.NewLine - (first.OldLine - 1 - start)
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(start+1, end-start), span(newStart, newLen))
	at := start
	for _, h := range hunks {
		for ; at < h.OldLine-1; at++ {
			writeLine(out, ' ', old[at])
		}
		for _, l := range h.Old {
			writeLine(out, '-', l)
		}
		for _, l := range h.New {
			writeLine(out, '+', l)
		}
		at += len(h.Old)
	}
	for ; at < end; at++ {
		writeLine(out, ' ', old[at])
	}
}

// span writes a range as diff -u does: an empty one starts a line earlier.
func span(start, n int) string {
	switch n {
	case 0:
		return fmt.Sprintf("%d,0", start-1)
	case 1:
		return fmt.Sprint(start)
	}
	return fmt.Sprintf("%d,%d", start, n)
}

func writeLine(out *strings.Builder, mark byte, line string) {
	out.WriteByte(mark)
	out.WriteString(line)
	if !strings.HasSuffix(line, "\n") {
		out.WriteString("\n\\ No newline at end of file\n")
	}
}

// lines splits b after each newline.
func lines(b []byte) []string {
	var out []string
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n') + 1
		if i == 0 {
			i = len(b)
		}
		out = append(out, string(b[:i]))
		b = b[i:]
	}
	return out
}

// compare returns the hunks between x and y by their longest common
// subsequence. Time and memory are len(x)*len(y), which is small after Hunks
// has set aside the common ends; beyond a million cells the whole range counts
// as one hunk.
func compare(x, y []string) []Hunk {
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	if len(x)*len(y) > 1<<20 {
		return []Hunk{{1, 1, x, y}}
	}
	lcs := make([][]int, len(x)+1)
	for i := range lcs {
		lcs[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				lcs[i][j] = lcs[i+1][j+1] + 1
			} else {
				lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			}
		}
	}
	var hunks []Hunk
	for i, j := 0, 0; i < len(x) || j < len(y); {
		if i < len(x) && j < len(y) && x[i] == y[j] {
			i, j = i+1, j+1
			continue
		}
		h := Hunk{OldLine: i + 1, NewLine: j + 1}
		for i < len(x) || j < len(y) {
			if i < len(x) && j < len(y) && x[i] == y[j] {
				break
			}
			if j >= len(y) || i < len(x) && lcs[i+1][j] >= lcs[i][j+1] {
				h.Old = append(h.Old, x[i])
				i++
			} else {
				h.New = append(h.New, y[j])
				j++
			}
		}
		hunks = append(hunks, h)
	}
	return hunks
}
