// Package sandbox starts a GitHub and a Dynatrace tenant on loopback, filled
// with a world: repositories with the App installed, and problem records. The
// program reaches them by the same settings as the real ones.
package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/salvehq/salve/internal/dql/eval"
	"github.com/salvehq/salve/internal/dynatracetest"
	"github.com/salvehq/salve/internal/githubtest"
)

// Who is who in a sandbox.
const (
	AppID = 4711
	Slug  = "salve"
	Bot   = Slug + "[bot]" // login of the App
)

// WorldTime is the time that the records of the demo world are as of.
var WorldTime = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// Options say what to start with.
type Options struct {
	World fs.FS            // repos/OWNER/NAME/… and *.jsonl
	Now   func() time.Time // the tenant's clock
	Shift time.Duration    // added to every time in the records
}

// A Sandbox is both servers.
type Sandbox struct {
	GitHub       *githubtest.Server
	Tenant       *dynatracetest.Server
	GitHubURL    string // root of the API
	DynatraceURL string
	Key          []byte // PEM, of the App
	Secret       string // of its webhook
	Token        string // platform token of the tenant
	PersonToken  string // personal access token of [Person]
	Repos        []string

	world   fs.FS
	servers []*http.Server
}

// Start starts both servers on free ports.
func Start(o Options) (*Sandbox, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{Key: key, Secret: rand.Text(), Token: "dt0s16.SANDBOX." + rand.Text(), world: o.World}
	if err := s.tenant(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.github(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newKey makes the private key of the App.
func newKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
}

// tenant starts the Dynatrace side.
func (s *Sandbox) tenant(o Options) error {
	files, err := fs.Glob(o.World, "*.jsonl")
	if err != nil {
		return err
	}
	records, err := Records(o.World, o.Shift, files...)
	if err != nil {
		return err
	}
	s.Tenant, err = dynatracetest.New(dynatracetest.Options{
		Source: eval.Records(records), Now: o.Now,
		Tokens: []dynatracetest.Token{{Secret: s.Token, Scopes: append(dynatracetest.Scopes(), "storage:metrics:read", "storage:spans:read")}},
	})
	if err != nil {
		return err
	}
	s.DynatraceURL, err = s.listen(s.Tenant.Handler())
	return err
}

// github starts the GitHub side.
func (s *Sandbox) github(o Options) error {
	s.GitHub = githubtest.New(githubtest.Options{})
	root, err := s.listen(s.GitHub.Handler())
	if err != nil {
		return err
	}
	s.GitHubURL = root + "/"
	if err := s.GitHub.AddApp(githubtest.App{
		ID: AppID, Slug: Slug, Key: s.Key, WebhookSecret: s.Secret, Permissions: Permissions(), Events: Events(),
	}); err != nil {
		return err
	}
	s.PersonToken = s.GitHub.AddUser(Person)
	return s.repositories(o.World)
}

// repositories adds repos/OWNER/NAME, and installs the App in each account.
func (s *Sandbox) repositories(world fs.FS) error {
	dirs, err := fs.Glob(world, "repos/*/*")
	if err != nil {
		return err
	}
	installed := map[string]bool{}
	for _, dir := range dirs {
		sub, err := fs.Sub(world, dir)
		if err != nil {
			return err
		}
		files, err := githubtest.Files(sub)
		if err != nil {
			return err
		}
		owner, name := path.Base(path.Dir(dir)), path.Base(dir)
		if err := s.GitHub.AddRepo(githubtest.Repo{Name: owner + "/" + name, Files: files}); err != nil {
			return err
		}
		s.Repos = append(s.Repos, owner+"/"+name)
		if err := s.GitHub.SetPermission(owner+"/"+name, Person, "write"); err != nil {
			return err
		}
		if !installed[owner] {
			installed[owner] = true
			in := githubtest.Installation{ID: int64(100 + len(installed)), App: AppID, Account: owner}
			if err := s.GitHub.AddInstallation(in); err != nil {
				return err
			}
		}
	}
	if len(dirs) == 0 {
		return errors.New("the world has no repos/OWNER/NAME")
	}
	return nil
}

// listen serves h on a free port of loopback and returns its root URL.
func (s *Sandbox) listen(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen on loopback: %w", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, srv)
	go srv.Serve(l) //nolint:errcheck // ends with Close
	return "http://" + l.Addr().String(), nil
}

// Environ returns the variables that point the program at the sandbox; keyFile
// is where the caller has written Key.
func (s *Sandbox) Environ(keyFile string) []string {
	return []string{
		fmt.Sprintf("SALVE_GITHUB_APP_ID=%d", AppID),
		"SALVE_GITHUB_PRIVATE_KEY_FILE=" + keyFile,
		"SALVE_GITHUB_WEBHOOK_SECRET=" + s.Secret,
		"SALVE_GITHUB_URL=" + s.GitHubURL,
		"SALVE_DYNATRACE_URL=" + s.DynatraceURL,
		"SALVE_DYNATRACE_TOKEN=" + s.Token,
		"SALVE_PACING=off",
	}
}

// Close stops both servers.
func (s *Sandbox) Close() error {
	var errs []error
	for _, srv := range s.servers {
		errs = append(errs, srv.Close())
	}
	return errors.Join(errs...)
}

// Permissions are those of app.yml; a test compares them.
func Permissions() map[string]string {
	return map[string]string{
		"metadata": "read", "contents": "write", "pull_requests": "write", "statuses": "write", "checks": "write",
		"deployments": "write", "actions": "read", "merge_queues": "read", "issues": "write",
	}
}

// Events are those of app.yml.
func Events() []string {
	return strings.Fields("pull_request push status merge_group deployment deployment_status deployment_protection_rule issue_comment issues")
}
