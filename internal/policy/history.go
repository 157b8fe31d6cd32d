package policy

import (
	"slices"
	"time"
)

// RecurrenceWindow is how long after the merge of a raise a new problem of the
// same kind counts as its return, unless a [Config] says otherwise.
const RecurrenceWindow = 7 * 24 * time.Hour

// A Change is an earlier proposal for the same value.
type Change struct {
	From, To string
	Merged   time.Time // zero unless merged
	Declined time.Time // when people closed it unmerged; zero otherwise
}

// Recurrences counts the merged changes that the problem of now came back
// after: the last one within window before now, the one before it within as
// long before that, and so on.
func Recurrences(history []Change, window time.Duration, now time.Time) int {
	var merges []time.Time
	for _, c := range history {
		if !c.Merged.IsZero() && !c.Merged.After(now) {
			merges = append(merges, c.Merged)
		}
	}
	slices.SortFunc(merges, func(a, b time.Time) int { return b.Compare(a) })
	n := 0
	for _, m := range merges {
		if now.Sub(m) > window {
			break
		}
		n, now = n+1, m
	}
	return n
}

// Rest returns why a value should be left alone at now, judged by what was done
// to it before: cooldown holds after a merge, declined after people said no.
func Rest(history []Change, cooldown, declined time.Duration, now time.Time) Reason {
	for _, c := range history {
		if until := c.Merged.Add(cooldown); !c.Merged.IsZero() && now.Before(until) {
			return reasonf(CoolingDown, "changed from %s to %s at %s; left to take effect until %s (cooldown %s)",
				c.From, c.To, stamp(c.Merged), stamp(until), days(cooldown))
		}
		if until := c.Declined.Add(declined); !c.Declined.IsZero() && now.Before(until) {
			return reasonf(Declined, "people closed the proposal of %s at %s; not proposed again until %s (limits.declined %s)",
				c.To, stamp(c.Declined), stamp(until), days(declined))
		}
	}
	return Reason{}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
