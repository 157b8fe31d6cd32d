// Package server is what the outside reaches: webhooks, health, metrics.
//
// It knows HTTP and nothing else: what a delivery means is told by the
// functions of its Config.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

// maxDelivery is the largest webhook that GitHub sends.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const maxDelivery = 25 << 20

// What deliveries may hold in memory before their signatures are known: the
// first bytes of each, which is more than most have, and all others together.
const (
	freeRead   = 64 << 10
	sharedRead = 128 << 20
)

// maxQuoted bounds what the log repeats of a header that anybody can send.
const maxQuoted = 80

// ErrSeen is what Accept returns for a delivery that it has.
var ErrSeen = errors.New("delivery was accepted before")

// A Config says what a server does. Fields above Gates
// are required.
type Config struct {
	// Parse checks the signature over the raw body before it reads anything
	// else, and fails with [forge.ErrUnauthorized] if it does not fit.
	Parse func(h http.Header, body []byte) (forge.Event, error)
	// Accept keeps an event until it has been handled. It returns before the
	// event is handled: ErrSeen for a delivery it has, any other error if it
	// cannot keep it.
	Accept func(ctx context.Context, e forge.Event) error
	// Ready reports why work cannot be taken, nil if it can.
	Ready func(ctx context.Context) error
	Log   *slog.Logger

	// Dropped is told of each delivery that there was no room for; may be nil.
	// GitHub remembers that it was not taken, and can be asked for it.
	Dropped func()

	// Gates answers /v1/gates and /gates; without it there are no such pages.
	Gates Gates
	// GateTokens are the bearer tokens for /v1/gates; without one nobody may
	// ask.
	GateTokens []string
	// Tenant is the root URL of the Dynatrace environment, for links.
	Tenant string
}

// New returns the handler of all routes.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	var room budget
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) { c.webhook(w, r, &room) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", c.ready(&readiness{turn: make(chan struct{}, 1)}))
	if c.Gates != nil {
		mux.HandleFunc("GET /v1/gates/{environment}/{service...}", c.answer)
		mux.HandleFunc("POST /v1/gates/{environment}/{service...}", c.answer)
		mux.HandleFunc("GET /gates/{id}", c.page)
		mux.HandleFunc("GET /gates/style.css", c.style)
	}
	return mux
}

// webhook takes one delivery. GitHub waits ten seconds for the answer and
// never sends a delivery again by itself, so an event is kept before the
// answer says that it is.
// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
func (c Config) webhook(w http.ResponseWriter, r *http.Request, room *budget) {
	log := c.Log.With("delivery", quoted(r, "X-GitHub-Delivery"), "event", quoted(r, "X-GitHub-Event"))
	in := &share{Reader: http.MaxBytesReader(w, r.Body, maxDelivery), of: room}
	defer in.giveBack()
	body, err := io.ReadAll(in)
	if err != nil {
		log.Warn("delivery not read", "err", err)
		c.unread(w, err)
		return
	}
	event, err := c.Parse(r.Header, body)
	switch {
	case errors.Is(err, forge.ErrUnauthorized):
		log.Warn("delivery refused", "err", err)
		say(w, http.StatusUnauthorized, "delivery is not signed with the secret of this App")
		return
	case err != nil:
		log.Warn("delivery not understood", "err", err)
		say(w, http.StatusBadRequest, "delivery not understood")
		return
	}
	switch err := c.Accept(r.Context(), event); {
	case errors.Is(err, ErrSeen):
		say(w, http.StatusOK, "seen before")
	case err != nil:
		log.Error("delivery not kept", "err", err)
		say(w, http.StatusServiceUnavailable, "delivery not kept; deliver it again later")
	default:
		say(w, http.StatusAccepted, "accepted")
	}
}

// unread answers a delivery whose body could not be read to its end.
func (c Config) unread(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		say(w, http.StatusRequestEntityTooLarge, "body not read: it is larger than any that GitHub sends")
	case errors.Is(err, errFull):
		if c.Dropped != nil {
			c.Dropped()
		}
		w.Header().Set("Retry-After", "10")
		say(w, http.StatusServiceUnavailable, "too much at once; deliver it again later")
	default:
		say(w, http.StatusBadRequest, "body not read")
	}
}

// quoted is as much of a header as the log repeats.
func quoted(r *http.Request, name string) string {
	v := r.Header.Get(name)
	return v[:min(len(v), maxQuoted)]
}

// A readiness is what was last found out, so that whoever asks often does not
// keep the database from its work.
type readiness struct {
	turn chan struct{} // holds one: whoever has it may use what follows
	at   time.Time
	err  error
}

// readyFor is how long an answer holds, readyLimit how long it may take.
const (
	readyFor   = time.Second
	readyLimit = 5 * time.Second
)

func (c Config) ready(last *readiness) http.HandlerFunc {
	find := func(ctx context.Context) error {
		select {
		case last.turn <- struct{}{}:
			defer func() { <-last.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
		if time.Since(last.at) < readyFor {
			return last.err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyLimit) // others wait for it too
		defer cancel()
		last.err = c.Ready(ctx)
		last.at = time.Now()
		if last.err != nil {
			c.Log.Warn("not ready", "err", last.err)
		}
		return last.err
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if find(r.Context()) != nil {
			say(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		say(w, http.StatusOK, "ready")
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// Serve answers on l until ctx is done, then lets requests under way finish
// for grace.
func Serve(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second, // a slow body gives up its place
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return fmt.Errorf("shut down %s: %w", l.Addr(), errors.Join(err, srv.Close()))
	}
	return nil
}
