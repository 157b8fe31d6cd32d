package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
	"github.com/salvehq/salve/internal/prose"
)

// A commit has one status of each name, and is deployed to several
// environments. What it says is the worst of them, and names all: a failure in
// one must not be hidden by the success of another, nor by being looked at
// first.

// enlist remembers that a commit was deployed to one more environment. Events
// of a repository are handled one at a time.
func (c *Checker) enlist(ctx context.Context, k *Case) error {
	ids, err := c.enlisted(ctx, k.Repo, k.Gate, k.Head)
	if err != nil || slices.Contains(ids, k.ID) {
		return err
	}
	text, err := json.Marshal(append(ids, k.ID))
	if err != nil {
		return err
	}
	return c.Store.Put(ctx, bucketCommits, commitName(k.Repo, k.Gate, k.Head), text, k.Opened.Add(2*kept))
}

// enlisted returns the IDs of the cases of a deployed commit, in the order of
// their first deployment.
func (c *Checker) enlisted(ctx context.Context, repo forge.Repo, gate policy.GateName, head forge.SHA) (ids []string, err error) {
	text, found, err := c.Store.Get(ctx, bucketCommits, commitName(repo, gate, head))
	if err != nil || !found {
		return nil, err
	}
	return ids, json.Unmarshal(text, &ids)
}

func commitName(repo forge.Repo, gate policy.GateName, head forge.SHA) string {
	return digest(strings.ToLower(repo.String()), string(gate), string(head))
}

// everywhere returns the cases of a deployed commit in all its environments.
func (c *Checker) everywhere(ctx context.Context, repo forge.Repo, gate policy.GateName, head forge.SHA) ([]Case, error) {
	ids, err := c.enlisted(ctx, repo, gate, head)
	var out []Case
	for _, id := range ids {
		k, found, err := c.Case(ctx, id)
		switch {
		case err != nil:
			return nil, err
		case found:
			out = append(out, k)
		}
	}
	return out, err
}

// Beside returns the cases of the same commit in other environments.
func (c *Checker) Beside(ctx context.Context, k Case) ([]Case, error) {
	if k.Environment == "" || k.Run > 0 {
		return nil, nil
	}
	all, err := c.everywhere(ctx, k.Repo, k.Gate, k.Head)
	return slices.DeleteFunc(all, func(o Case) bool { return o.ID == k.ID }), err
}

// A statement is what the code host is told about a commit.
type statement struct {
	state      forge.State
	line       string
	conclusion string // of the check run
	summary    string
	url        string
}

// statement says what line says of k and, where the commit was deployed to
// several environments, what holds in the others.
func (c *Checker) statement(ctx context.Context, k *Case, line string) (statement, error) {
	alone := statement{k.State, line, conclusion(k), c.Summary(*k), c.page(k)}
	if k.Environment == "" || k.Run > 0 {
		return alone, nil
	}
	all, err := c.everywhere(ctx, k.Repo, k.Gate, k.Head)
	if err != nil {
		return alone, err
	}
	for i := range all {
		if all[i].ID == k.ID {
			all[i] = *k
			all[i].Why = line
		}
	}
	if len(all) < 2 {
		return alone, nil
	}
	slices.SortStableFunc(all, func(a, b Case) int {
		return cmp.Or(cmp.Compare(weight(&b), weight(&a)), cmp.Compare(a.Environment, b.Environment))
	})
	worst := &all[0]
	return statement{worst.State, together(all), conclusion(worst), c.summaries(all), c.page(worst)}, nil
}

// weight orders cases by how much they matter: what failed, what could not be
// found out, what waits, what warns.
func weight(k *Case) int {
	at := slices.Index([]forge.State{forge.Success, forge.Pending, forge.Error, forge.Failure}, k.State)
	if k.State == forge.Success && k.Verdict == Proceed {
		return at - 1
	}
	return at
}

// mostNamed is how many environments of one word a line names.
const mostNamed = 3

// together is one line for cases that are sorted by weight: "FAILED in
// production, HEALTHY in staging: " and why it failed.
func together(all []Case) string {
	var words []string
	in := map[string][]string{}
	why := ""
	for i, k := range all {
		word, rest := headline(k.Why)
		if i == 0 {
			why = rest
		}
		if in[word] == nil {
			words = append(words, word)
		}
		in[word] = append(in[word], k.Environment)
	}
	for i, word := range words {
		names := in[word]
		if over := len(names) - mostNamed; over > 0 {
			names = append(slices.Clone(names[:mostNamed]), fmt.Sprintf("%d more", over))
		}
		words[i] = word + " in " + listed(names)
	}
	return strings.Join(words, ", ") + ": " + why
}

// headline splits the line of a case into its word and the rest.
func headline(line string) (word, rest string) {
	shadow, line := strings.HasPrefix(line, "shadow: "), strings.TrimPrefix(line, "shadow: ")
	word, rest, _ = strings.Cut(line, ": ")
	if shadow {
		word = "shadow " + word
	}
	return word, rest
}

// listed writes names as people do.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// summaries explains cases under a heading each.
func (c *Checker) summaries(all []Case) string {
	var b strings.Builder
	for _, k := range all {
		fmt.Fprintf(&b, "### %s\n\n%s\n", prose.Neutralise(k.Environment), cutSummary(c.Summary(k), maxSummary/len(all)))
		if page := c.page(&k); page != "" {
			fmt.Fprintf(&b, "%s\n\n", page)
		}
	}
	return b.String()
}

// outcome tells the deployment itself how it went, once that is known: failed
// as soon as one of its gates says so, done when all do. Shadow mode says
// nothing, nor does a deployment of which nothing is known since another has
// replaced it; a gate that is still looking is waited for.
func (c *Checker) outcome(ctx context.Context, k *Case) error {
	if k.Deployment == 0 || k.Run > 0 || !k.Done || k.Mode == policy.Shadow || k.Replaced != "" && k.Verdict == Undecided {
		return nil
	}
	worst := k
	for _, name := range []policy.GateName{policy.PostDeployment, policy.Canary} {
		other, found, err := c.Case(ctx, c.caseID(name, k.Repo, k.Head, k.Environment, 0))
		switch {
		case err != nil:
			return err
		case !found || name == k.Gate || other.Mode == policy.Shadow || other.Deployment != k.Deployment:
			continue
		case !other.Done && k.State == forge.Success:
			return nil
		case other.Done && weight(&other) > weight(worst):
			worst = &other
		}
	}
	return c.Host.SetDeployment(ctx, k.Repo, k.Deployment, forge.CommitStatus{
		Context: k.Environment, State: worst.State, Description: prose.Status(worst.Why), URL: c.page(worst),
	})
}
