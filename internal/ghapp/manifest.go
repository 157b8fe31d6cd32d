package ghapp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"

	"github.com/salvehq/salve/internal/ghapp/wire"
)

// codeForm keeps the code from climbing out of its URL.
var codeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

// Credentials are what GitHub gives a new App.
type Credentials struct {
	AppID         int64
	Slug          string
	Page          string // for people
	PrivateKey    string // PEM
	WebhookSecret string
	ClientID      string
	ClientSecret  string
}

// CompleteManifest exchanges the code that GitHub sent to the redirect URL of
// an App manifest, within an hour and once. There is no App yet, so there is
// no authentication: the code is the secret.
//
// GitHub: POST /app-manifests/{code}/conversions; needs no permission.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func CompleteManifest(ctx context.Context, baseURL string, transport http.RoundTripper, code string) (Credentials, error) {
	root, err := wire.ParseRoot(cmp.Or(baseURL, DefaultURL))
	if err != nil {
		return Credentials{}, err
	}
	if !codeForm.MatchString(code) {
		return Credentials{}, errors.New("code of the App manifest has characters that GitHub does not use")
	}
	if transport == nil {
		transport = wire.NewTransport()
	}
	gh := (&App{root: root}).github(&wire.Whole{Limit: answerLimit, Timeout: requestTimeout, Next: &wire.Pin{Root: root, Next: transport}})
	app, _, err := gh.Apps.CompleteAppManifest(ctx, code)
	if err != nil {
		return Credentials{}, explain(err, "exchange the code of an App manifest")
	}
	return Credentials{
		AppID: app.GetID(), Slug: app.GetSlug(), Page: app.GetHTMLURL(), PrivateKey: app.GetPEM(),
		WebhookSecret: app.GetWebhookSecret(), ClientID: app.GetClientID(), ClientSecret: app.GetClientSecret(),
	}, nil
}
