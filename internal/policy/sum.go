package policy

// A Part is one amount that several replicas have each.
type Part struct {
	Text  string
	Times int
}

// maxTimes bounds the replicas of a [Part], so that sums fit.
const maxTimes = 4096

// Sum adds amounts of a kind. ok is false if one of them does not parse or the
// sum is beyond all reason.
func Sum(k Kind, parts []Part) (text string, ok bool) {
	m, known := measureOf(k)
	if !known || len(parts) == 0 {
		return "", false
	}
	var total int64
	for _, p := range parts {
		n, err := m.parse(p.Text)
		if err != nil || p.Times < 0 || p.Times > maxTimes {
			return "", false
		}
		if total += n * int64(p.Times); total > maxBytes {
			return "", false
		}
	}
	return m.format(total, parts[0].Text), true
}
