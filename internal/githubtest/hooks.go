package githubtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// hookTimeout is how long GitHub waits for the answer to a webhook, and maxHook
// the size of a payload above which it sends none.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const (
	hookTimeout = 10 * time.Second
	maxHook     = 25 << 20
)

// maxSent is how many deliveries are kept; GitHub keeps those of three days.
const maxSent = 20_000

// A delivery is one attempt to send a webhook.
type delivery struct {
	id         int64
	guid       string // the same for each attempt
	event      string
	action     string
	app        *app
	in         int64
	repo       int64
	body       []byte
	redelivery bool

	at       time.Time
	took     time.Duration
	status   int // zero before an answer
	reason   string
	request  http.Header
	response http.Header
	answer   string
}

// An outbox holds deliveries: those to be sent in order, and those that were.
type outbox struct {
	queue   []*delivery
	sent    []*delivery
	sending bool
	idle    *sync.Cond // signalled when nothing is left
}

// Settle waits until every webhook that was due has been answered or given up.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.hooks.sending {
		s.hooks.idle.Wait()
	}
}

// Deliver sends an event with a payload of the caller's to every App that is
// installed for a repository and subscribed to the event. Repository,
// installation, organization and sender are filled in where they are absent.
func (s *Server) Deliver(name, event string, payload map[string]any) error {
	return s.withRepo(name, func(r *repo) error {
		action, _ := payload["action"].(string)
		s.emit(r, event, action, s.user("ghost"), payload)
		return nil
	})
}

// emit queues an event for all Apps that hear of r.
func (s *Server) emit(r *repo, event, action string, by *user, payload object) {
	ids := []int64{}
	for id := range s.installations {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if i := s.installations[id]; i.covers(r) && i.suspended.IsZero() {
			s.emitTo(i, r, event, action, by, payload)
		}
	}
}

// hears reports whether the App of an installation is told of an event. Those
// of installations and checks come unasked.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
func (i *installation) hears(event string) bool {
	switch event {
	case "installation", "installation_repositories":
		return i.app.WebhookURL != ""
	case "check_run", "check_suite":
		return i.app.WebhookURL != "" && i.Permissions["checks"] == "write"
	}
	return i.app.WebhookURL != "" && slices.Contains(i.app.Events, event)
}

// heard reports whether anybody is told of an event in r; payloads cost more.
func (s *Server) heard(r *repo, event string) bool {
	for _, i := range s.installations {
		if i.hears(event) && i.covers(r) {
			return true
		}
	}
	return false
}

// emitTo queues an event for one installation, if its App hears of it.
func (s *Server) emitTo(i *installation, r *repo, event, action string, by *user, payload object) {
	if !i.hears(event) {
		return
	}
	whole := object{"installation": object{"id": i.ID, "node_id": fmt.Sprintf("MDIz_%d", i.ID)}, "sender": s.userJSON(by)}
	if action != "" {
		whole["action"] = action
	}
	d := &delivery{id: s.id(), guid: guid(), event: event, action: action, app: i.app, in: i.ID}
	if r != nil {
		whole["repository"], d.repo = s.repoJSON(r), r.id
		if owner := s.user(r.owner); owner.kind == "Organization" {
			whole["organization"] = object{"login": owner.login, "id": owner.id, "url": s.api("orgs/" + owner.login)}
		}
	}
	for k, v := range payload {
		whole[k] = v
	}
	if d.body = encode(whole); len(d.body) <= maxHook {
		s.enqueue(d)
	}
}

// enqueue hands a delivery to the one goroutine that sends, in order.
func (s *Server) enqueue(d *delivery) {
	s.hooks.queue = append(s.hooks.queue, d)
	if !s.hooks.sending {
		s.hooks.sending = true
		go s.send()
	}
}

func (s *Server) send() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.hooks.queue) > 0 {
		d := s.hooks.queue[0]
		s.hooks.queue = s.hooks.queue[1:]
		url, secret := d.app.WebhookURL, d.app.WebhookSecret
		d.at = s.now()
		s.mu.Unlock()
		d.post(s.client, url, secret)
		s.mu.Lock()
		s.hooks.sent = append(s.hooks.sent, d)
		if len(s.hooks.sent) > maxSent {
			s.hooks.sent = slices.Clone(s.hooks.sent[maxSent/2:])
		}
	}
	s.hooks.sending = false
	s.hooks.idle.Broadcast()
}

// post sends d and keeps the answer. GitHub does not try again by itself.
func (d *delivery) post(client *http.Client, url, secret string) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(d.body))
	if err != nil {
		d.reason = "Invalid URL"
		return
	}
	req.Header = d.headers(secret)
	d.request = req.Header.Clone()
	start := time.Now()
	resp, err := client.Do(req)
	d.took = time.Since(start)
	if err != nil {
		d.status, d.reason = http.StatusBadGateway, "failed to connect to host"
		return
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	d.status, d.response, d.answer = resp.StatusCode, resp.Header, string(answer)
	d.reason = http.StatusText(resp.StatusCode)
	if resp.StatusCode < 300 {
		d.reason = "OK"
	}
}

// headers are those of https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
func (d *delivery) headers(secret string) http.Header {
	h := http.Header{}
	h.Set("User-Agent", "GitHub-Hookshot/044aadd")
	h.Set("Content-Type", "application/json")
	h.Set("X-GitHub-Event", d.event)
	h.Set("X-GitHub-Delivery", d.guid)
	h.Set("X-GitHub-Hook-ID", strconv.FormatInt(d.app.ID+1, 10))
	h.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	h.Set("X-GitHub-Hook-Installation-Target-ID", strconv.FormatInt(d.app.ID, 10))
	if secret != "" {
		h.Set("X-Hub-Signature", "sha1="+sum(sha1.New, secret, d.body))
		h.Set("X-Hub-Signature-256", "sha256="+sum(sha256.New, secret, d.body))
	}
	return h
}

func sum(h func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(h, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func guid() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
func (c *call) listDeliveries() (reply, error) {
	var all []*delivery
	for _, d := range slices.Backward(c.hooks.sent) {
		failed := d.status < 200 || d.status >= 300
		if d.app != c.who.app || c.query("status", "") == "failure" && !failed || c.query("status", "") == "success" && failed {
			continue
		}
		all = append(all, d)
	}
	// Pages go by cursor here: the id of the first delivery to show.
	size, err := strconv.Atoi(c.query("per_page", "30"))
	if err != nil || size < 1 || size > 100 {
		size = 30
	}
	if cursor := c.query("cursor", ""); cursor != "" {
		at := slices.IndexFunc(all, func(d *delivery) bool { return strconv.FormatInt(d.id, 10) == cursor })
		if at < 0 {
			return reply{}, fail(http.StatusBadRequest, "Invalid cursor")
		}
		all = all[at:]
	}
	rep := reply{status: http.StatusOK, header: http.Header{}}
	if len(all) > size {
		q := c.r.URL.Query()
		q.Set("cursor", strconv.FormatInt(all[size].id, 10))
		rep.header.Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, c.api("app/hook/deliveries"), q.Encode()))
		all = all[:size]
	}
	items := []object{}
	for _, d := range all {
		items = append(items, d.json())
	}
	rep.body = items
	return rep, nil
}

// sentDelivery returns the delivery of the path.
func (c *call) sentDelivery() (*delivery, error) {
	id, err := c.number("delivery_id")
	if err != nil {
		return nil, err
	}
	for _, d := range c.hooks.sent {
		if d.id == id && d.app == c.who.app {
			return d, nil
		}
	}
	return nil, notFound()
}

// https://docs.github.com/en/rest/apps/webhooks#get-a-delivery-for-an-app-webhook
func (c *call) getDelivery() (reply, error) {
	d, err := c.sentDelivery()
	if err != nil {
		return reply{}, err
	}
	o := d.json()
	o["url"] = d.app.WebhookURL
	o["request"] = object{"headers": flat(d.request), "payload": json.RawMessage(d.body)}
	o["response"] = object{"headers": flat(d.response), "payload": d.answer}
	return ok(o)
}

func flat(h http.Header) map[string]string {
	out := map[string]string{}
	for k := range h {
		out[k] = h.Get(k)
	}
	return out
}

// https://docs.github.com/en/rest/apps/webhooks#redeliver-a-delivery-for-an-app-webhook
func (c *call) redeliver() (reply, error) {
	d, err := c.sentDelivery()
	if err != nil {
		return reply{}, err
	}
	c.enqueue(&delivery{id: c.id(), guid: d.guid, event: d.event, action: d.action, app: d.app, in: d.in, repo: d.repo, body: d.body, redelivery: true})
	return reply{status: http.StatusAccepted, body: object{}}, nil
}

func (d *delivery) json() object {
	o := object{"id": d.id, "guid": d.guid, "delivered_at": stamp(d.at), "redelivery": d.redelivery, "duration": d.took.Seconds(),
		"status": d.reason, "status_code": d.status, "event": d.event, "action": orNil(d.action), "installation_id": d.in, "repository_id": nil}
	if d.repo != 0 {
		o["repository_id"] = d.repo
	}
	return o
}
