package gate

import (
	"testing"

	"github.com/salvehq/salve/internal/forge"
)

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		in   []Verdict
		want Verdict
	}{
		{nil, Proceed},
		{[]Verdict{Proceed, Warn}, Warn},
		{[]Verdict{Warn, Hold, Proceed}, Hold},
		{[]Verdict{Warn, Undecided, Hold}, Undecided},
		{[]Verdict{Block, Undecided}, Block},
		{[]Verdict{Undecided, Block, Proceed}, Block},
	} {
		if got := Worst(tt.in...); got != tt.want {
			t.Errorf("Worst(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestStateLetsNothingPassUnknown(t *testing.T) {
	for v, want := range map[Verdict]forge.State{
		Undecided: forge.Pending, Hold: forge.Pending, Block: forge.Failure, Proceed: forge.Success, Warn: forge.Success,
	} {
		if got := v.State(); got != want {
			t.Errorf("%v.State() = %s, want %s", v, got, want)
		}
	}
}

func TestParseVerdict(t *testing.T) {
	for word, want := range words {
		if got, err := ParseVerdict(word); err != nil || got != want {
			t.Errorf("ParseVerdict(%q) = %v, %v", word, got, err)
		}
	}
	if v, err := ParseVerdict("MAYBE"); err == nil || v != Undecided {
		t.Errorf("ParseVerdict(MAYBE) = %v, %v; want an error", v, err)
	}
}
