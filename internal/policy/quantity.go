package policy

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The forms of a quantity that people write. Exponents ("1e9") and the odd
// sizes (Ei, n, u) are left to people.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
var (
	memoryForm = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{1,9})?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P|m)?$`)
	cpuForm    = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,3})?)(m)?$`)
	countForm  = regexp.MustCompile(`^[0-9]{1,9}$`)
)

// octal is a number that YAML 1.1, and so Kubernetes, reads with another base
// than most people.
var octal = regexp.MustCompile(`^0[0-9]+$`)

// maxBytes bounds a memory quantity, so that sums and products fit.
const maxBytes = 1 << 50

const (
	mebi = 1 << 20
	gibi = 1 << 30
	mega = 1000 * 1000
	giga = 1000 * mega
)

// A unit is a suffix of a memory quantity and its bytes.
type unit struct {
	suffix string
	bytes  int64
}

// The two families of units, largest first.
var (
	binary  = []unit{{"Pi", 1 << 50}, {"Ti", 1 << 40}, {"Gi", gibi}, {"Mi", mebi}, {"Ki", 1 << 10}, {"", 1}}
	decimal = []unit{{"P", 1000 * 1000 * giga}, {"T", 1000 * giga}, {"G", giga}, {"M", mega}, {"k", 1000}, {"", 1}}
)

// family returns the units that text is written in, from its own downwards.
// Plain bytes are read as binary.
func family(text string) []unit {
	for _, units := range [][]unit{binary, decimal} {
		for i, u := range units {
			if u.suffix != "" && strings.HasSuffix(text, u.suffix) {
				return units[i:]
			}
		}
	}
	return binary[len(binary)-1:]
}

func isDecimal(text string) bool {
	units := family(text)
	return len(units) > 1 && units[0].bytes%1000 == 0
}

// parseMemory returns the bytes of a quantity.
func parseMemory(text string) (int64, error) {
	m := memoryForm.FindStringSubmatch(text)
	switch {
	case octal.MatchString(text):
		return 0, fmt.Errorf("%q begins with 0, which some readers take for an octal number", text)
	case m == nil:
		return 0, fmt.Errorf("%q is not a memory quantity such as 512Mi or 1.5Gi", text)
	case m[2] == "m":
		return 0, fmt.Errorf("%q means thousandths of a byte; was %sMi meant?", text, m[1])
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a memory quantity: %w", text, err)
	}
	n = math.Ceil(n * float64(family(text)[0].bytes))
	if n < 1 || n > maxBytes {
		return 0, fmt.Errorf("%q is not between one byte and 1Pi", text)
	}
	return int64(n), nil
}

// formatMemory writes bytes as like is written: in its unit where that takes
// no more than one half, else in the next smaller unit of its family.
func formatMemory(bytes int64, like string) string {
	for _, u := range family(like) {
		switch {
		case bytes%u.bytes == 0:
			return strconv.FormatInt(bytes/u.bytes, 10) + u.suffix
		case u.bytes >= giga && bytes > u.bytes && bytes%u.bytes == u.bytes/2:
			return strconv.FormatInt(bytes/u.bytes, 10) + ".5" + u.suffix
		}
	}
	return strconv.FormatInt(bytes, 10)
}

// memoryGrain is the round step at a size: 32Mi below 256Mi, then 64Mi, 256Mi,
// 512Mi and 1Gi; the like in decimal units.
func memoryGrain(bytes int64, like string) int64 {
	m, g, quarter := int64(mebi), int64(gibi), int64(256)
	if isDecimal(like) {
		m, g, quarter = mega, giga, 250
	}
	switch {
	case bytes < quarter*m:
		return 32 * m
	case bytes < g:
		return 64 * m
	case bytes < 4*g:
		return quarter * m
	case bytes < 16*g:
		return 2 * quarter * m
	}
	return g
}

// memoryUnit is the smallest step that like's family writes: 1Mi or 1M.
func memoryUnit(like string) int64 {
	if isDecimal(like) {
		return mega
	}
	return mebi
}

// parseCPU returns the millicores of a quantity.
func parseCPU(text string) (int64, error) {
	m := cpuForm.FindStringSubmatch(text)
	if m == nil || octal.MatchString(text) {
		return 0, fmt.Errorf("%q is not a CPU quantity such as 500m or 1.5", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a CPU quantity: %w", text, err)
	}
	if m[2] == "" {
		n *= 1000
	}
	if n < 1 || n > 1e9 {
		return 0, fmt.Errorf("%q is not between 1m and a million cores", text)
	}
	return int64(math.Ceil(n)), nil
}

// formatCPU writes millicores as like is written: "750m" or "0.75".
func formatCPU(milli int64, like string) string {
	if strings.HasSuffix(like, "m") {
		return strconv.FormatInt(milli, 10) + "m"
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

// cpuGrain is the round step at a size: 50m below one core, then 100m, 250m
// and, from four cores, 500m.
func cpuGrain(milli int64, _ string) int64 {
	switch {
	case milli < 1000:
		return 50
	case milli < 2000:
		return 100
	case milli < 4000:
		return 250
	}
	return 500
}

func parseCount(text string) (int64, error) {
	if !countForm.MatchString(text) || octal.MatchString(text) {
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return strconv.ParseInt(text, 10, 64)
}

func formatCount(n int64, _ string) string { return strconv.FormatInt(n, 10) }

// parseStorage returns bytes; a number without a unit counts GiB, as
// allocated_storage and volume_size do.
func parseStorage(text string) (int64, error) {
	if !countForm.MatchString(text) {
		n, err := parseMemory(text)
		if err == nil && (n < giga || len(family(text)) == 1) {
			err = fmt.Errorf("%q is not a size of at least 1Gi", text)
		}
		return n, err
	}
	n, err := parseCount(text)
	if err != nil || n == 0 || n > maxBytes/gibi {
		return 0, fmt.Errorf("%q is not a size in GiB", text)
	}
	return n * gibi, nil
}

func formatStorage(bytes int64, like string) string {
	if countForm.MatchString(like) {
		return strconv.FormatInt(bytes/gibi, 10)
	}
	return formatMemory(bytes, like)
}

func storageUnit(like string) int64 {
	if isDecimal(like) {
		return giga
	}
	return gibi
}

func parsePercent(text string) (int64, error) {
	n, err := parseCount(strings.TrimSuffix(text, "%"))
	if err != nil || n > 100 {
		return 0, fmt.Errorf("%q is not a percentage from 0 to 100", text)
	}
	return n, nil
}

func formatPercent(n int64, like string) string {
	if strings.HasSuffix(like, "%") {
		return strconv.FormatInt(n, 10) + "%"
	}
	return strconv.FormatInt(n, 10)
}
