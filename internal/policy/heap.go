package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The settings by which programs bound their own memory within a container.
// https://docs.oracle.com/en/java/javase/21/docs/specs/man/java.html
// https://pkg.go.dev/runtime#hdr-Environment_Variables
// https://nodejs.org/api/cli.html#--max-old-space-sizesize-in-mib
var (
	xmx     = regexp.MustCompile(`-Xmx([0-9]{1,12})([kKmMgGtT]?)\b`)
	percent = regexp.MustCompile(`-XX:MaxRAMPercentage=([0-9]{1,3})(?:\.[0-9]+)?\b`)
	goLimit = regexp.MustCompile(`\bGOMEMLIMIT=([0-9]{1,12})((?:[KMGT]i)?B)\b`)
	oldest  = regexp.MustCompile(`--max[-_]old[-_]space[-_]size=([0-9]{1,9})\b`)
)

// crowded is the share of a limit above which a heap leaves too little for
// what is not heap: threads, buffers, code.
const crowded = 80

// HeapNotes says what a reviewer should know where a program bounds its own
// memory within the limit that changes. Settings are the arguments and the
// environment (NAME=value) of the container.
//
// None of these are changed together with the limit: after an OOM kill a heap
// that stays is what makes room.
func HeapNotes(settings []string, limit Adjustment) []string {
	to, err := parseMemory(limit.To)
	if err != nil {
		return nil
	}
	all := strings.Join(settings, "\n")
	var notes []string
	for _, f := range []struct {
		form *regexp.Regexp
		size func(number int64, unit string) int64
		says string
	}{
		{xmx, javaSize, "The heap does not grow with the limit, which is right against OOM kills; against java.lang.OutOfMemoryError raise -Xmx instead"},
		{goLimit, goSize, "Raise it too where the garbage collector takes much CPU"},
		{oldest, func(n int64, _ string) int64 { return n * mebi }, "The heap does not grow with the limit; raise it too where Node.js reports that it ran out of heap"},
	} {
		m := f.form.FindStringSubmatch(all)
		if m == nil {
			continue
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n == 0 || n > maxBytes {
			continue
		}
		unit := ""
		if len(m) > 2 {
			unit = m[2]
		}
		share := 100 * float64(f.size(n, unit)) / float64(to)
		note := fmt.Sprintf("%s stays: %.0f %% of the new limit. %s", m[0], share, f.says)
		if share > crowded {
			note += fmt.Sprintf("; above %d %% there is little room for what is not heap", crowded)
		}
		notes = append(notes, note+".")
	}
	if m := percent.FindStringSubmatch(all); m != nil && !xmx.MatchString(all) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err == nil && n <= 100 {
			notes = append(notes, fmt.Sprintf("%s: the heap grows with the limit, to %s.", m[0], mebibytes(float64(to)*float64(n)/100)))
		}
	}
	return notes
}

func javaSize(n int64, unit string) int64 {
	return scaled(n, strings.Index(" kmgt", strings.ToLower(unit + " ")[:1]))
}

func goSize(n int64, unit string) int64 { return scaled(n, strings.Index("BKMGT", unit[:1])) }

// scaled is n times 1024 to the given power, at most 64 Pi.
func scaled(n int64, power int) int64 {
	for range power {
		n = min(n*1024, maxBytes<<6)
	}
	return n
}
