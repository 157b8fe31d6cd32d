// Package gate decides whether a deployment may go on.
//
// A gate answers with a verdict, the rows that led to it, and one line that
// says why. Not knowing is a verdict of its own and lets nothing pass: an
// empty answer of Dynatrace counts as healthy only when it is known to be
// complete.
package gate

import (
	"fmt"
	"slices"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// A Verdict is what a gate says about a deployment.
// The zero Verdict does not let anything pass.
type Verdict int

const (
	Undecided Verdict = iota // the gate could not find out
	Proceed
	Warn // may go on, and people are told
	Hold // wait: for more evidence, or for a person
	Block
)

var verdicts = [...]string{"INCONCLUSIVE", "PROCEED", "WARN", "HOLD", "BLOCK"}

// String spells v as the column deployment_risk of pre-deployment-problem-check
// does, where that has the word.
func (v Verdict) String() string { return verdicts[v] }

// spelled says how a gate's query spells a verdict, where it has another word
// than pre-deployment-problem-check.
var spelled = map[policy.GateName]map[Verdict]string{
	policy.PostDeployment: {Proceed: "HEALTHY", Warn: "DEGRADED", Block: "FAILED"},
	policy.Canary:         {Proceed: "PROMOTE", Block: "ROLLBACK"},
	policy.Risk:           {Proceed: "LOW_RISK_AUTO_APPROVE", Hold: "MODERATE_RISK_MANUAL_APPROVAL", Block: "HIGH_RISK_BLOCK"},
}

// Word spells v as the decision column of a gate's query does.
func (v Verdict) Word(gate policy.GateName) string {
	if word, ok := spelled[gate][v]; ok {
		return word
	}
	return v.String()
}

// MarshalText writes v as String does, for the database.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *Verdict) UnmarshalText(text []byte) error {
	i := slices.Index(verdicts[:], string(text))
	if i < 0 {
		return fmt.Errorf("verdict %.40q: want one of %v", text, verdicts)
	}
	*v = Verdict(i)
	return nil
}

// words are the verdicts that the decision columns of the gate queries spell.
// https://docs.github.com/en/rest/commits/statuses has no state for a warning,
// so what warns passes and its text begins with the word.
var words = map[string]Verdict{
	"PROCEED": Proceed, "HEALTHY": Proceed, "PROMOTE": Proceed, "LOW_RISK_AUTO_APPROVE": Proceed,
	"WARN": Warn, "DEGRADED": Warn,
	"HOLD": Hold, "MODERATE_RISK_MANUAL_APPROVAL": Hold,
	"BLOCK": Block, "FAILED": Block, "ROLLBACK": Block, "HIGH_RISK_BLOCK": Block,
}

// ParseVerdict reads a word of a decision column.
func ParseVerdict(word string) (Verdict, error) {
	if v, ok := words[word]; ok {
		return v, nil
	}
	return Undecided, fmt.Errorf("decision %q is none of the words that a gate knows", word)
}

// Worst returns the verdict of several parts together: one that blocks
// decides; failing that, one that could not find out, then one that holds,
// then one that warns. No parts at all means Proceed.
func Worst(vs ...Verdict) Verdict {
	rank := []Verdict{Proceed, Warn, Hold, Undecided, Block}
	worst := Proceed
	for _, v := range vs {
		if slices.Index(rank, v) > slices.Index(rank, worst) {
			worst = v
		}
	}
	return worst
}

// State returns the commit status that stands for v. An Undecided verdict is
// pending: whether it becomes an error or passes is up to the policy once its
// deadline is over.
func (v Verdict) State() forge.State {
	switch v {
	case Proceed, Warn:
		return forge.Success
	case Block:
		return forge.Failure
	}
	return forge.Pending
}
