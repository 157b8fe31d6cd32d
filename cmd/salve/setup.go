package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/salvehq/salve/internal/ghapp"
	"github.com/salvehq/salve/internal/sandbox"
	"github.com/salvehq/salve/internal/server"
)

// A registration is the making of a new GitHub App.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type registration struct {
	env          *environment
	web, api     string // of GitHub, for browsers and for programs
	organisation string // empty for the person's own account
	name         string // of the App
	webhook      string // where Salve will be reached
	dir          string // for what GitHub answers
	listen       string
}

func setupCommand(env *environment) *cobra.Command {
	r := &registration{env: env}
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Register the GitHub App in a browser, and keep its key and secrets",
		Long: `Serve a page on loopback that asks GitHub to register the App with the permissions and events of app.yml, and
write what GitHub answers into files that only their owner can read: the private key, the webhook secret, and salve.env
with the settings.`,
		Example: `  salve setup --webhook https://salve.example.com/webhook --dir /etc/salve
  salve setup --webhook https://salve.example.com/webhook --organization acme`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, err := url.Parse(r.webhook)
			if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
				return &exitError{exitUsage, fmt.Errorf("--webhook %q: want the address that GitHub will reach salve serve at, such as https://salve.example.com/webhook", r.webhook)}
			}
			return classify(r.run(cmd.Context()))
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.webhook, "webhook", "", "`URL` of salve serve, with /webhook at its end")
	f.StringVar(&r.organisation, "organization", "", "`login` of the organization to register in; your own account if empty")
	f.StringVar(&r.name, "name", "Salve", "`name` of the App; GitHub wants it unique")
	f.StringVar(&r.dir, "dir", ".", "`directory` for the key and the secrets")
	f.StringVar(&r.web, "github-web", "https://github.com", "`URL` of GitHub in a browser")
	f.StringVar(&r.api, "github-url", or(env.Getenv("SALVE_GITHUB_URL"), ghapp.DefaultURL), "`URL` of the GitHub API, exactly as it is [$SALVE_GITHUB_URL]")
	f.StringVar(&r.listen, "listen", "127.0.0.1:0", "`address` of the page")
	return cmd
}

var setupPage = template.Must(template.New("setup").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Salve: register the GitHub App</title>
<h1>Register the GitHub App</h1>
<p>GitHub shows what the App may do and asks you to confirm. It then comes back here.</p>
<form action="{{.Action}}" method="post"><input type="hidden" name="manifest" value="{{.Manifest}}"><button>Go to GitHub</button></form>
`))

// errRegistered ends the page after GitHub has answered.
var errRegistered = errors.New("registered")

// run serves the page until GitHub has answered.
func (r *registration) run(ctx context.Context) error {
	l, err := net.Listen("tcp", r.listen)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		l.Close()
		return &exitError{exitUsage, fmt.Errorf("--listen %s: want an address of loopback, such as 127.0.0.1:0; what comes back must not cross a network", r.listen)}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &registrationPage{registration: r, at: l.Addr().String(), path: "/" + rand.Text(), state: rand.Text(), stop: stop}
	fmt.Fprintf(r.env.Stderr, "open http://%s%s in a browser\n", p.at, p.path)
	if err := server.Serve(ctx, l, p.handler(), 5*time.Second); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, errRegistered) {
		return cause
	}
	return nil
}

// A registrationPage is what a browser sees of a registration. Its path is a
// secret of the terminal that shows it, so that nobody else on the machine, and
// no page of another site, learns the state.
type registrationPage struct {
	*registration
	at, path, state string
	taken           atomic.Bool // a code came, and is being exchanged
	stop            context.CancelCauseFunc
}

func (p *registrationPage) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+p.path, p.show)
	mux.HandleFunc("GET /done", p.done)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if req.Host != p.at { // another name that leads here: https://en.wikipedia.org/wiki/DNS_rebinding
			http.Error(w, "this page has the address http://"+p.at, http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, req)
	})
}

func (p *registrationPage) show(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	setupPage.Execute(w, map[string]string{"Action": p.action(p.state), "Manifest": p.manifest("http://" + p.at + "/done")}) //nolint:errcheck // the browser went away
}

// done takes what GitHub sends back with the browser, once.
func (p *registrationPage) done(w http.ResponseWriter, req *http.Request) {
	switch {
	case subtle.ConstantTimeCompare([]byte(req.FormValue("state")), []byte(p.state)) != 1:
		http.Error(w, "this answer belongs to another page; start again", http.StatusForbidden)
		return
	case !p.taken.CompareAndSwap(false, true):
		http.Error(w, "this page has had its answer", http.StatusConflict)
		return
	}
	if err := p.finish(req.Context(), req.FormValue("code")); err != nil {
		http.Error(w, "not registered; see the terminal", http.StatusBadGateway)
		p.stop(err)
		return
	}
	fmt.Fprintln(w, "The App is registered. You can close this page.")
	p.stop(errRegistered)
}

// action is where a browser takes the manifest.
func (r *registration) action(state string) string {
	at := "/settings/apps/new"
	if r.organisation != "" {
		at = "/organizations/" + url.PathEscape(r.organisation) + at
	}
	return strings.TrimSuffix(r.web, "/") + at + "?state=" + url.QueryEscape(state)
}

// manifest is app.yml as GitHub takes it.
func (r *registration) manifest(back string) string {
	text, err := json.Marshal(map[string]any{
		"name": r.name, "url": "https://github.com/salvehq/salve", "public": false, "redirect_url": back,
		"hook_attributes":     map[string]any{"url": r.webhook, "active": true},
		"default_permissions": sandbox.Permissions(), "default_events": sandbox.Events(),
	})
	if err != nil {
		return "" // strings and lists of them always marshal
	}
	return string(text)
}

// finish exchanges the code and writes what there is to keep. Nothing that is
// there is overwritten: it may be the key of an App in use.
func (r *registration) finish(ctx context.Context, code string) error {
	c, err := ghapp.CompleteManifest(ctx, r.api, nil, code)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(r.dir)
	if err != nil {
		return err
	}
	key, secret, settings := filepath.Join(dir, fmt.Sprintf("app-%d.pem", c.AppID)), filepath.Join(dir, fmt.Sprintf("app-%d.secret", c.AppID)), filepath.Join(dir, "salve.env")
	lines := fmt.Sprintf("SALVE_GITHUB_APP_ID=%d\nSALVE_GITHUB_URL=%s\nSALVE_GITHUB_PRIVATE_KEY_FILE=%s\nSALVE_GITHUB_WEBHOOK_SECRET_FILE=%s\n", c.AppID, r.api, key, secret)
	err = errors.Join(os.MkdirAll(dir, 0o700), keep(key, c.PrivateKey), keep(secret, c.WebhookSecret+"\n"), keep(settings, lines))
	if err != nil {
		return fmt.Errorf("App %d is registered, but not all of it is kept; make a new key on %s: %w", c.AppID, c.Page, err)
	}
	_, err = fmt.Fprintf(r.env.Stdout, "registered %s (%d)\n\nInstall it: %s/installations/new\nAdd SALVE_DYNATRACE_URL and SALVE_DYNATRACE_TOKEN_FILE to %s, then:\n\n  env $(cat %s) salve doctor\n",
		clean(c.Slug), c.AppID, clean(c.Page), settings, settings)
	return err
}

// keep writes a new file that only its owner can read.
func keep(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
