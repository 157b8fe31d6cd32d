package ghapp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/google/go-github/v62/github"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/ghapp/wire"
)

// A Client acts on the repositories of one installation. It is safe for
// concurrent use.
type Client struct {
	app          *App
	Installation int64

	pace  *wire.Pace
	cache http.RoundTripper

	mu     sync.Mutex
	grants map[grant]*access
	labels map[forge.Repo]map[string]bool // labels that are known to exist, in lower case
}

// A grant names one narrowed token.
type grant struct {
	purpose purpose
	repo    forge.Repo // zero for those of all
}

// access is a token and the client that uses it.
type access struct {
	token *token
	gh    *github.Client
}

func newClient(a *App, installation int64) *Client {
	return &Client{
		app:          a,
		Installation: installation,
		pace:         a.pace(),
		cache:        a.cached(strconv.FormatInt(installation, 10)),
		grants:       map[grant]*access{},
		labels:       map[forge.Repo]map[string]bool{},
	}
}

// as returns a client whose token is for purpose p on repo. It refuses names
// that GitHub could not have given, so that no request is built from them.
func (c *Client) as(p purpose, repo forge.Repo) (*github.Client, error) {
	if err := repo.Validate(); err != nil {
		return nil, err
	}
	return c.access(grant{p, repo}), nil
}

func (c *Client) access(g grant) *github.Client {
	if g.purpose.everywhere() {
		g.repo = forge.Repo{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.grants[g]
	if !ok {
		t := c.app.newToken(c.Installation, g.purpose, g.repo, c.cache)
		a = &access{t, c.app.github(&wire.Paced{Pace: c.pace, Next: t})}
		c.grants[g] = a
	}
	return a.gh
}

// granted gets the token for purpose p on repo, and returns [forge.ErrForbidden]
// where the installation does not allow it. A token is good for an hour, so
// asking again costs nothing.
func (c *Client) granted(ctx context.Context, p purpose, repo forge.Repo) error {
	if _, err := c.as(p, repo); err != nil {
		return err
	}
	c.mu.Lock()
	a := c.grants[grant{p, repo}]
	c.mu.Unlock()
	_, err := a.token.current().Token(ctx)
	return explain(ungranted(err), "get a token for %s on %s", p, repo)
}

// revoke ends the tokens of c, a few at a time.
func (c *Client) revoke(ctx context.Context) error {
	c.mu.Lock()
	grants := c.grants
	c.grants = map[grant]*access{}
	c.mu.Unlock()
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, 8)
		errs  = make(chan error, len(grants))
	)
	for _, a := range grants {
		slots <- struct{}{}
		wg.Go(func() {
			errs <- a.token.revoke(ctx, c.app)
			<-slots
		})
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}
