// Package webhook reads the deliveries that GitHub signs and sends.
//
// The signature is checked over the raw bytes before anything else is looked
// at. Payloads are decoded into structs of this package: they hold only what
// is used, and fields that go-github v62 does not have.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"

	"github.com/salvehq/salve/internal/forge"
)

// Limit is the size of the largest payload that GitHub sends.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const Limit = 25 << 20

// ErrSignature says that a delivery is not from somebody who knows the secret.
// It is [forge.ErrUnauthorized].
var ErrSignature = fmt.Errorf("webhook signature: %w", forge.ErrUnauthorized)

var (
	eventForm    = regexp.MustCompile(`^[a-z_]{1,64}$`)
	deliveryForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// Parse reads one delivery. An event that this program does not listen to
// comes back with its kind and nothing else, and is no error.
//
// Errors: [ErrSignature]; [forge.ErrNoInstallation] for an event that did not
// come through an installation; any other for a delivery that is malformed,
// which will not get better when it is sent again.
//
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
func Parse(header http.Header, body []byte, secret string) (forge.Event, error) {
	if err := verify(header, body, secret); err != nil {
		return forge.Event{}, err
	}
	kind, delivery := header.Get("X-GitHub-Event"), header.Get("X-GitHub-Delivery")
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case !eventForm.MatchString(kind):
		return forge.Event{}, fmt.Errorf("webhook: X-GitHub-Event is %.80q: want the name of an event", kind)
	case !deliveryForm.MatchString(delivery):
		return forge.Event{}, fmt.Errorf("webhook: X-GitHub-Delivery is %.80q: want a GUID", delivery)
	case media != "application/json":
		return forge.Event{}, fmt.Errorf("webhook %s: Content-Type is %.80q: want application/json; set it in the App's settings", delivery, header.Get("Content-Type"))
	}
	e, err := read(forge.EventKind(kind), body)
	if err != nil {
		return forge.Event{}, fmt.Errorf("webhook %s: %s event: %w", delivery, kind, err)
	}
	e.Delivery = delivery
	return e, nil
}

// verify checks the SHA-256 signature of body. The older SHA-1 header is not
// looked at. An empty secret verifies nothing.
func verify(header http.Header, body []byte, secret string) error {
	given := header.Values("X-Hub-Signature-256")
	if secret == "" || len(given) != 1 || len(body) > Limit {
		return ErrSignature
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	want := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(given[0])) {
		return ErrSignature
	}
	return nil
}

// read turns the payload of an event into the words of package forge.
func read(kind forge.EventKind, body []byte) (forge.Event, error) {
	var p payload
	if err := strict(body, &p); err != nil {
		return forge.Event{}, err
	}
	detail, known := details[kind]
	if !known {
		return forge.Event{Kind: kind}, nil
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return forge.Event{}, err
	}
	e, err := p.event(kind)
	if err != nil {
		return forge.Event{}, err
	}
	if err := detail(&p, &e); err != nil {
		return forge.Event{}, err
	}
	return e, nil
}

// event fills in what all events have.
func (p *payload) event(kind forge.EventKind) (forge.Event, error) {
	e := forge.Event{
		Kind: kind, Action: p.Action, Installation: p.Installation.ID,
		Sender: p.Sender.Login, SenderBot: p.Sender.Type == "Bot", Default: p.Repository.Default,
	}
	if p.Repository.FullName != "" {
		repo, err := forge.ParseRepo(p.Repository.FullName)
		if err != nil {
			return e, err
		}
		e.Repo = repo
	}
	switch {
	case kind == forge.EventPing:
	case e.Installation <= 0:
		return e, forge.ErrNoInstallation
	case e.Repo == forge.Repo{} && kind != forge.EventInstallation && kind != forge.EventInstallationRepos:
		return e, errors.New("names no repository")
	}
	return e, nil
}
