package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp"
	"github.com/salvehq/salve/internal/redact"
)

// A finding is what doctor says about one thing.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do; empty where nothing is wrong
}

func doctorCommand(env *environment) *cobra.Command {
	s := &settings{}
	var format string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the settings, GitHub and Dynatrace, and say what to mend",
		Long: `Check that GitHub knows the App by its key, where it is installed, which events it gets and whether its last
deliveries arrived, and that Dynatrace takes the token and shows problems of the last 30 days. Nothing is written.
The exit code is 4 if something has to be mended.`,
		Example: `  salve doctor
  salve doctor --format json | jq '.[] | select(.ok | not)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.secrets(env); err != nil {
				return err
			}
			if err := s.validate(false); err != nil {
				return err
			}
			a, err := s.open(slog.New(slog.DiscardHandler))
			if err != nil {
				return err
			}
			defer a.close()
			return printFindings(env, a.examine(cmd.Context(), env.Now().UTC()), s.redactor(), format)
		},
	}
	s.githubFlags(cmd, env)
	s.dynatraceFlags(cmd, env)
	s.queriesFlag(cmd, env)
	formatFlag(cmd, &format)
	return cmd
}

// printFindings prints what was found, without secrets.
func printFindings(env *environment, found []finding, r *redact.Redactor, format string) error {
	bad := false
	for i, f := range found {
		found[i].Detail = r.Text(clean(f.Detail))
		bad = bad || !f.OK
	}
	var err error
	if format == "json" {
		err = writeJSON(env.Stdout, found)
	} else {
		p := &printer{w: env.Stdout}
		for _, f := range found {
			mark := "ok  "
			if !f.OK {
				mark = "FAIL"
			}
			p.f("%s  %-22s %s\n", mark, f.Check, f.Detail)
			if f.Fix != "" {
				p.f("      → %s\n", f.Fix)
			}
		}
		err = p.err
	}
	if err == nil && bad {
		err = &exitError{exitAuth, nil}
	}
	return err
}

// examine looks at everything that the program needs.
func (a *app) examine(ctx context.Context, now time.Time) []finding {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var out []finding
	self, err := a.github.Identity(ctx)
	if err != nil {
		fix := "compare SALVE_GITHUB_APP_ID with the App's settings page, use a private key from there, and set the clock of this machine"
		if errors.Is(err, forge.ErrUnavailable) {
			fix = "see SALVE_GITHUB_URL, and whether this machine reaches it"
		}
		out = append(out, finding{"GitHub App", false, err.Error(), fix})
	} else {
		out = append(out,
			finding{"GitHub App", true, fmt.Sprintf("%s (%d)", self.Slug, self.ID), ""},
			events(self), a.installations(ctx), a.deliveries(ctx, now))
	}
	return append(out, a.problems(ctx), a.usage(ctx))
}

// subscribed are the events that app.yml subscribes to.
var subscribed = []string{
	"pull_request", "push", "status", "merge_group", "deployment", "deployment_status", "deployment_protection_rule", "issue_comment", "issues",
}

func events(self ghapp.Identity) finding {
	var missing []string
	for _, e := range subscribed {
		if !slices.Contains(self.Events, e) {
			missing = append(missing, e)
		}
	}
	if len(missing) > 0 {
		return finding{"events", false, "not subscribed to " + strings.Join(missing, ", "), "tick them on the App's settings page, under Permissions & events"}
	}
	return finding{"events", true, fmt.Sprintf("subscribed to all %d", len(subscribed)), ""}
}

func (a *app) installations(ctx context.Context) finding {
	const fix = "install the App in an account, on its page under Install App"
	all, err := a.host.Installations(ctx)
	if err != nil {
		return finding{"installations", false, err.Error(), fix}
	}
	var errs []error
	repos, suspended := 0, 0
	for _, in := range all {
		if in.Suspended {
			suspended++
			continue
		}
		list, err := a.host.List(ctx, in.ID)
		errs = append(errs, err)
		repos += len(list)
	}
	detail := fmt.Sprintf("%d, %d of them suspended, with %d repositories", len(all), suspended, repos)
	if err := errors.Join(errs...); err != nil {
		return finding{"installations", false, detail + "; " + err.Error(), "accept the permissions that the App asks for, in the account's settings under Installed GitHub Apps"}
	}
	if repos == 0 {
		return finding{"installations", false, detail, fix}
	}
	return finding{"installations", true, detail, ""}
}

// deliveries judges the webhook by what GitHub tells of the last day.
func (a *app) deliveries(ctx context.Context, now time.Time) finding {
	all, err := a.github.Deliveries(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return finding{"webhook", false, err.Error(), "see whether the App's webhook is active on its settings page"}
	}
	missed := ghapp.Missed(all)
	detail := fmt.Sprintf("%d deliveries in 24 hours, %d events never taken", len(all), len(missed))
	if len(missed) == 0 {
		return finding{"webhook", true, detail, ""}
	}
	return finding{"webhook", false, fmt.Sprintf("%s, the last with status %d", detail, missed[len(missed)-1].Status),
		"let GitHub reach the webhook URL; 401 is a secret that differs, 0 is nobody listening. salve serve asks for them again"}
}

// problems judges Dynatrace by whether it shows any problem at all: Grail
// answers with zero rows to a token that may not see them.
func (a *app) problems(ctx context.Context) finding {
	res, err := a.grail.Query(ctx, dql.Query{
		Name: "doctor", Text: "fetch dt.davis.problems, from: now()-30d | summarize problems = count()",
	})
	if err != nil {
		return finding{"Dynatrace", false, err.Error(), "see SALVE_DYNATRACE_URL, and give the token storage:events:read and storage:buckets:read"}
	}
	var n int64
	if len(res.Records) > 0 {
		n, _ = res.Records[0].Get("problems").AsLong()
	}
	if res.Quality != dql.OK || n == 0 {
		return finding{"Dynatrace", false, fmt.Sprintf("%d problems in 30 days, quality %s", n, res.Quality),
			"nothing shows that this token may see problems: give it storage:events:read on the buckets of Davis, without conditions"}
	}
	return finding{"Dynatrace", true, fmt.Sprintf("%d problems in 30 days", n), ""}
}

// usage judges whether limits can be sized by what containers use. Nothing is
// wrong without it: the steps are careful ones then.
func (a *app) usage(ctx context.Context) finding {
	const check, without = "use of containers", "limits are raised by careful steps"
	res, err := a.grail.Query(ctx, dql.Query{
		Name: "doctor", Text: "timeseries points = count(dt.kubernetes.container.memory_working_set), from: now() - 1h",
	})
	switch {
	case err != nil:
		return finding{check, true, "not known, so " + without, "give the token storage:metrics:read, so that limits are sized by use"}
	case len(res.Records) == 0:
		return finding{check, true, "nothing was measured in the last hour, so " + without, ""}
	}
	return finding{check, true, "measured, so limits are sized by it", ""}
}
