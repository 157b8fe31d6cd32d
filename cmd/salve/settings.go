package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/redact"
	"github.com/salvehq/salve/internal/schedule"
	"github.com/salvehq/salve/internal/tracing"
)

// Settings are what the operator says: flags, and the environment where a flag
// is not given. Secrets come from the environment alone, or from a file that it
// names.
type settings struct {
	githubAppID  string
	githubURL    string
	dynatraceURL string
	tokenURL     string
	database     string
	queries      string // directory of queries that take the place of the embedded ones
	listen       string
	pages        string // root URL under which people reach this program
	metrics      string // address
	pacing       bool
	onboard      bool // offer a configuration to repositories without one
	logFormat    string

	remediate, tune, gates string // cron lines

	// secrets
	githubKey, webhookSecret                           string
	dynatraceToken, dynatraceClientID, dynatraceSecret string
	gateTokens                                         string // separated by white space or commas

	notices []string // about the files that secrets were read from

	transport http.RoundTripper   // to GitHub; nil but in tests
	getenv    func(string) string // for the variables of OpenTelemetry; nil where there are none
}

// redactor knows the secrets.
func (s *settings) redactor() *redact.Redactor {
	r := redact.New(append(s.tokens(), s.githubKey, s.webhookSecret, s.dynatraceToken, s.dynatraceSecret)...)
	if s.getenv != nil {
		for _, secret := range tracing.Secrets(s.getenv) {
			r.Add(secret)
		}
	}
	if u, err := url.Parse(s.database); err == nil && u.User != nil {
		password, _ := u.User.Password()
		r.Add(password)
	}
	return r
}

// githubFlags adds what it takes to reach GitHub.
func (s *settings) githubFlags(cmd *cobra.Command, env *environment) {
	f := cmd.Flags()
	f.StringVar(&s.githubAppID, "github-app-id", env.Getenv("SALVE_GITHUB_APP_ID"), "`id` of the GitHub App [$SALVE_GITHUB_APP_ID]")
	f.StringVar(&s.githubURL, "github-url", or(env.Getenv("SALVE_GITHUB_URL"), "https://api.github.com/"), "`URL` of the GitHub API, exactly as it is [$SALVE_GITHUB_URL]")
	f.BoolVar(&s.pacing, "pacing", env.Getenv("SALVE_PACING") != "off", "keep to GitHub's pace: one change a second, 80 a minute, 500 an hour [$SALVE_PACING=off]")
}

// dynatraceFlags adds what it takes to reach a Dynatrace environment.
func (s *settings) dynatraceFlags(cmd *cobra.Command, env *environment) {
	f := cmd.Flags()
	f.StringVar(&s.dynatraceURL, "dynatrace-url", env.Getenv("SALVE_DYNATRACE_URL"), "`URL` of the Dynatrace environment, https://<id>.apps.dynatrace.com [$SALVE_DYNATRACE_URL]")
	f.StringVar(&s.tokenURL, "dynatrace-token-url", env.Getenv("SALVE_DYNATRACE_TOKEN_URL"), "`URL` that gives OAuth tokens, if it is not Dynatrace's own [$SALVE_DYNATRACE_TOKEN_URL]")
	f.StringVar(&s.dynatraceClientID, "dynatrace-client-id", env.Getenv("SALVE_DYNATRACE_CLIENT_ID"), "OAuth client `id`, in place of a platform token [$SALVE_DYNATRACE_CLIENT_ID]")
}

// onboardFlag adds whether configurations are offered.
func (s *settings) onboardFlag(cmd *cobra.Command, env *environment) {
	cmd.Flags().BoolVar(&s.onboard, "onboard", env.Getenv("SALVE_ONBOARD") == "on", "offer .github/salve.yml, once, to repositories that have none and problems that could be answered [$SALVE_ONBOARD=on]")
}

// queriesFlag adds the operator's own queries.
func (s *settings) queriesFlag(cmd *cobra.Command, env *environment) {
	cmd.Flags().StringVar(&s.queries, "queries", env.Getenv("SALVE_QUERIES"), "`directory` of queries that take the place of the embedded ones [$SALVE_QUERIES]")
}

// scheduleFlags adds when the queries run.
func (s *settings) scheduleFlags(cmd *cobra.Command, env *environment) {
	f := cmd.Flags()
	f.StringVar(&s.remediate, "remediate", or(env.Getenv("SALVE_REMEDIATE"), "*/5 * * * *"), "when to look for open problems, a `cron` line in UTC [$SALVE_REMEDIATE]")
	f.StringVar(&s.tune, "tune", or(env.Getenv("SALVE_TUNE"), "0 6 * * *"), "when to look for noisy detectors, a `cron` line in UTC [$SALVE_TUNE]")
	f.StringVar(&s.gates, "gates", or(env.Getenv("SALVE_GATES"), "* * * * *"), "when to look again at gates that wait, a `cron` line in UTC [$SALVE_GATES]")
}

// secrets reads what has no flag.
func (s *settings) secrets(env *environment) error {
	s.getenv = env.Getenv
	for _, v := range []struct {
		name string
		to   *string
	}{
		{"SALVE_GITHUB_PRIVATE_KEY", &s.githubKey},
		{"SALVE_GITHUB_WEBHOOK_SECRET", &s.webhookSecret},
		{"SALVE_DYNATRACE_TOKEN", &s.dynatraceToken},
		{"SALVE_DYNATRACE_CLIENT_SECRET", &s.dynatraceSecret},
		{"SALVE_GATE_TOKENS", &s.gateTokens},
	} {
		value, notice, err := env.secret(v.name)
		if err != nil {
			return err
		}
		if *v.to = value; notice != "" {
			s.notices = append(s.notices, notice)
		}
	}
	return nil
}

// appID is the number of the App.
func (s *settings) appID() (int64, error) {
	id, err := strconv.ParseInt(s.githubAppID, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("App id %q: set SALVE_GITHUB_APP_ID to the number on the App's settings page", s.githubAppID)
	}
	return id, nil
}

// schedules reports cron lines that say no time.
func (s *settings) schedules() []error {
	var errs []error
	for _, c := range []struct{ name, line string }{{"SALVE_REMEDIATE", s.remediate}, {"SALVE_TUNE", s.tune}, {"SALVE_GATES", s.gates}} {
		if c.line == "" {
			continue
		}
		if err := schedule.Validate(c.line); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errs
}

// validate reports everything that is missing, at once.
func (s *settings) validate(webhooks bool) error {
	var errs []error
	if _, err := s.appID(); err != nil {
		errs = append(errs, err)
	}
	if s.githubKey == "" {
		errs = append(errs, errors.New("no private key: set SALVE_GITHUB_PRIVATE_KEY_FILE to the .pem file of the App"))
	}
	if webhooks && s.webhookSecret == "" {
		errs = append(errs, errors.New("no webhook secret: set SALVE_GITHUB_WEBHOOK_SECRET_FILE; without one anybody could send events"))
	}
	if s.dynatraceURL == "" {
		errs = append(errs, errors.New("no Dynatrace environment: set SALVE_DYNATRACE_URL to https://<id>.apps.dynatrace.com"))
	}
	if s.dynatraceToken == "" && (s.dynatraceClientID == "" || s.dynatraceSecret == "") {
		errs = append(errs, errors.New("no Dynatrace credentials: set SALVE_DYNATRACE_TOKEN_FILE, or SALVE_DYNATRACE_CLIENT_ID and SALVE_DYNATRACE_CLIENT_SECRET_FILE"))
	}
	errs = append(errs, s.schedules()...)
	if u, err := url.Parse(s.pages); s.pages != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		errs = append(errs, fmt.Errorf("SALVE_URL %q: want a URL such as https://salve.example.com", s.pages))
	}
	for _, name := range []string{"SALVE_ONBOARD", "SALVE_PACING"} {
		if v := s.getenv(name); v != "" && v != "on" && v != "off" {
			errs = append(errs, fmt.Errorf("%s %q: want on or off", name, v))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
