package githubtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// An offer is an App's manifest between the form and the conversion.
type offer struct {
	App
	made time.Time
}

// codeLife is how long the code of a manifest can be exchanged.
const codeLife = time.Hour

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// offerManifest takes the form that a browser posts to register an App, and
// sends the browser back with a code. A person would confirm in between.
//
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func (c *call) offerManifest() (reply, error) {
	form, err := url.ParseQuery(string(c.body))
	var m struct {
		Name        string
		URL         string
		RedirectURL string `json:"redirect_url"`
		Hook        struct {
			URL    string
			Active *bool
		} `json:"hook_attributes"`
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
	}
	if err != nil || json.Unmarshal([]byte(form.Get("manifest")), &m) != nil || m.URL == "" {
		return webPage(http.StatusUnprocessableEntity, "Invalid GitHub App configuration: the manifest must be JSON with a url.")
	}
	back, err := url.Parse(m.RedirectURL)
	if err != nil || back.Scheme != "http" && back.Scheme != "https" {
		return webPage(http.StatusUnprocessableEntity, "Invalid GitHub App configuration: redirect_url must be a web address.")
	}
	a := App{Slug: strings.Trim(notSlug.ReplaceAllString(strings.ToLower(m.Name), "-"), "-"), Permissions: m.Permissions, Events: m.Events,
		Owner: cmp.Or(c.params["org"], "octocat")}
	if m.Hook.Active == nil || *m.Hook.Active {
		a.WebhookURL = m.Hook.URL
	}
	code := strings.ToLower(rand.Text() + rand.Text())[:40]
	c.offers[code] = offer{a, c.now()}
	q := back.Query()
	q.Set("code", code)
	if state := c.query("state", ""); state != "" {
		q.Set("state", state)
	}
	back.RawQuery = q.Encode()
	return reply{status: http.StatusFound, raw: []byte{}, kind: "text/html", header: http.Header{"Location": {back.String()}}}, nil
}

// https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest
func (c *call) convertManifest() (reply, error) {
	o, known := c.offers[c.params["code"]]
	if !known || c.now().Sub(o.made) > codeLife {
		return reply{}, notFound()
	}
	delete(c.offers, c.params["code"])
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return reply{}, err
	}
	a := o.App
	a.ID, a.WebhookSecret = c.id(), strings.ToLower(rand.Text() + rand.Text())[:40]
	a.Key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	made, err := c.addApp(a)
	if err != nil {
		return reply{}, err
	}
	answer := c.appJSON(made)
	answer["pem"], answer["webhook_secret"] = string(a.Key), a.WebhookSecret
	answer["client_secret"] = strings.ToLower(rand.Text() + rand.Text())[:40]
	return created(answer)
}

func webPage(status int, text string) (reply, error) {
	return reply{status: status, raw: []byte("<!doctype html>\n<p>" + html.EscapeString(text) + "\n"), kind: "text/html; charset=utf-8"}, nil
}
