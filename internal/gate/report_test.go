package gate

import (
	"testing"
	"time"

	"github.com/salvehq/salve/internal/policy"
)

func TestSum(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	sampled := func(mode policy.Mode, samples ...Sample) Case {
		return Case{Mode: mode, Verdict: samples[len(samples)-1].Verdict, Samples: samples}
	}
	stretch := func(v Verdict, from, to int) Sample {
		return Sample{From: at.Add(time.Duration(from) * time.Minute), To: at.Add(time.Duration(to) * time.Minute), Verdict: v}
	}
	r := Sum([]Case{
		sampled(policy.Enforce, stretch(Proceed, 0, 5)),
		sampled(policy.Shadow, stretch(Block, 0, 5), stretch(Proceed, 6, 10)),
		sampled(policy.Enforce, stretch(Block, 0, 30), stretch(Proceed, 31, 40)),
		sampled(policy.Shadow, stretch(Block, 0, 5)),
		sampled(policy.Enforce, stretch(Undecided, 0, 30)),
		sampled(policy.Enforce, stretch(Hold, 0, 1)),
		{},
	}, at)
	if r.Judged != 7 || r.Passed != 3 || r.Unknown != 2 || r.Pending != 1 || r.Right != 1 || r.Brief != 1 || r.Open != 1 {
		t.Errorf("%+v", r)
	}
	if len(r.Held) != 3 || !r.Held[0].Shadow || r.Held[0].Lasted != 6*time.Minute || r.Held[1].Shadow || r.Held[1].Outcome != "right" || r.Held[2].Ended {
		t.Errorf("%+v", r.Held)
	}
}
