package gate

import (
	"time"

	"github.com/salvehq/salve/internal/policy"
)

// brief is how long a problem must have held back a change for that to have
// been worth it: one that was over sooner was likely noise.
const brief = 10 * time.Minute

// A Report sums up what gates said.
type Report struct {
	Since   time.Time
	Judged  int // cases
	Passed  int // with or without a warning, as they stand
	Unknown int // could not be found out
	Pending int
	Held    []Held // those that were held back, or would have been, the oldest first
	Right   int    // of Held: for ten minutes or more
	Brief   int    // of Held: over within ten minutes
	Open    int    // of Held: not seen to end
}

// A Held is a case that a gate held back, or would have without shadow mode.
type Held struct {
	Case    Case
	Shadow  bool
	From    time.Time
	Lasted  time.Duration // as far as it was seen
	Ended   bool
	Outcome string // right, brief or open
}

// Sum makes a report of cases.
func Sum(cases []Case, since time.Time) Report {
	r := Report{Since: since}
	for _, k := range cases {
		r.Judged++
		switch k.Verdict {
		case Proceed, Warn:
			r.Passed++
		case Undecided:
			r.Unknown++
		case Hold:
			r.Pending++
		}
		if h, ok := held(k); ok {
			r.Held = append(r.Held, h)
			switch h.Outcome {
			case "right":
				r.Right++
			case "brief":
				r.Brief++
			default:
				r.Open++
			}
		}
	}
	return r
}

// held finds the last stretch in which a case was held back.
func held(k Case) (Held, bool) {
	for i := len(k.Samples) - 1; i >= 0; i-- {
		s := k.Samples[i]
		if s.Verdict != Block {
			continue
		}
		h := Held{Case: k, Shadow: k.Mode == policy.Shadow, From: s.From, Lasted: s.To.Sub(s.From), Outcome: "open"}
		if i+1 < len(k.Samples) {
			h.Lasted, h.Ended = k.Samples[i+1].From.Sub(s.From), true
		}
		switch {
		case h.Lasted >= brief:
			h.Outcome = "right"
		case h.Ended:
			h.Outcome = "brief"
		}
		return h, true
	}
	return Held{}, false
}
