package policy

import (
	"slices"
	"strings"
	"time"
)

// A Window is a time of the week in which nothing is opened.
type Window struct {
	// Days the window begins on; every day if there are none.
	Days []Weekday `yaml:"days"`
	// From is the first minute: "22:00".
	From Clock `yaml:"from"`
	// To is the first minute after the window; it may lie on the next day.
	// Leave both out for whole days.
	To Clock `yaml:"to"`
	// Zone is an IANA time zone, such as Europe/Vienna; UTC if there is none.
	Zone string `yaml:"zone"`
}

// covers reports whether now lies in w. A window that runs over midnight
// belongs to the day that it begins on.
func (w Window) covers(now time.Time) bool {
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		return true // Parse refuses it; closed is the safe side
	}
	now = now.In(zone)
	minute := Clock(now.Hour()*60 + now.Minute())
	from, to := w.From, w.To
	if from == to {
		from, to = 0, 24*60
	}
	if from < to {
		return w.begins(now.Weekday()) && from <= minute && minute < to
	}
	return w.begins(now.Weekday()) && minute >= from || w.begins((now.Weekday()+6)%7) && minute < to
}

func (w Window) begins(day time.Weekday) bool {
	return len(w.Days) == 0 || slices.Contains(w.Days, Weekday(strings.ToLower(day.String())))
}

// Allow returns why no further pull request may be opened at now, given how
// many are open, how many of those for the same service, and how many were
// opened within the last hour.
func (l Limits) Allow(open, service, lastHour int, now time.Time) Reason {
	for _, w := range l.Quiet {
		if w.covers(now) {
			return reasonf(QuietHours, "%s lies in a quiet time (limits.quiet)", stamp(now))
		}
	}
	if open >= l.Open {
		return reasonf(TooManyOpen, "%d pull requests are open; the limit is %d (limits.open)", open, l.Open)
	}
	if l.PerService > 0 && service >= l.PerService {
		return reasonf(TooManyOfService, "%d pull requests are open for this service; the limit is %d (limits.per-service)", service, l.PerService)
	}
	if lastHour >= l.PerHour {
		return reasonf(TooManyThisHour, "%d pull requests were opened within the hour; the limit is %d (limits.per-hour)", lastHour, l.PerHour)
	}
	return Reason{}
}
