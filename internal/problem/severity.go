package problem

import "fmt"

// A Severity orders problems by how much they hurt. The zero value means that
// nobody said; it sorts below every severity that somebody did.
//
// Grail has no field problem.severity: the catalog's queries make it from
// event.severity and event.category by one mapping.
type Severity int

const (
	SeverityUnknown Severity = iota
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

var severities = [...]string{"UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// String spells s as the column problem.severity does.
func (s Severity) String() string { return severities[s] }

// ParseSeverity reads the column problem.severity; an empty text is unknown.
func ParseSeverity(s string) (Severity, error) {
	if s == "" {
		return SeverityUnknown, nil
	}
	for i, name := range severities {
		if s == name {
			return Severity(i), nil
		}
	}
	return SeverityUnknown, fmt.Errorf("problem.severity is %q, want one of %v", s, severities[1:])
}
