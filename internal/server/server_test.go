package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salvehq/salve/internal/forge"
)

func parse(h http.Header, body []byte) (forge.Event, error) {
	switch string(body) {
	case "forged":
		return forge.Event{}, forge.ErrUnauthorized
	case "broken":
		return forge.Event{}, errors.New("secret detail")
	}
	return forge.Event{Delivery: h.Get("X-GitHub-Delivery")}, nil
}

func TestWebhookAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   string
		accept error
		want   int
	}{
		{"accepted", "{}", nil, 202},
		{"seen", "{}", ErrSeen, 200},
		{"no room", "{}", ErrFull, 503},
		{"forged", "forged", nil, 401},
		{"broken", "broken", nil, 400},
		{"one byte too large", string(bytes.Repeat([]byte("x"), maxDelivery+1)), nil, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := New(Config{
				Parse: parse, Log: slog.New(slog.DiscardHandler),
				Accept: func(context.Context, forge.Event) error { return tt.accept },
				Ready:  func(context.Context) error { return nil },
			})
			srv := httptest.NewServer(h)
			defer srv.Close()
			resp, err := http.Post(srv.URL+"/webhook", "application/json", bytes.NewReader([]byte(tt.body)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.want || bytes.Contains(text, []byte("secret detail")) {
				t.Errorf("%d %q, want %d and no detail", resp.StatusCode, text, tt.want)
			}
		})
	}
}

func TestReady(t *testing.T) {
	for _, err := range []error{nil, errors.New("no database")} {
		w := httptest.NewRecorder()
		New(Config{Ready: func(context.Context) error { return err }, Log: slog.New(slog.DiscardHandler)}).
			ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		if ok := w.Code == 200; ok != (err == nil) {
			t.Errorf("ready error %v: status %d", err, w.Code)
		}
	}
}

func TestInboxHandlesADeliveryOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		handled := map[string]int{}
		b := NewInbox(2, time.Minute, slog.New(slog.DiscardHandler), func(_ context.Context, e forge.Event) error {
			handled[e.Delivery]++
			switch {
			case e.Delivery == "fails" && handled["fails"] == 1:
				return errors.New("no")
			case e.Delivery == "panics" && handled["panics"] == 1:
				panic("no")
			}
			return nil
		})
		go b.Work(ctx, 1)
		for _, d := range []string{"a", "a", "fails", "panics"} {
			_ = b.Accept(ctx, forge.Event{Delivery: d})
			synctest.Wait()
		}
		for _, d := range []string{"fails", "panics"} { // GitHub delivers them again
			if err := b.Accept(ctx, forge.Event{Delivery: d}); err != nil {
				t.Errorf("redelivery of %s: %v", d, err)
			}
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		if handled["a"] != 1 || handled["fails"] != 2 || handled["panics"] != 2 {
			t.Errorf("handled = %v", handled)
		}
	})
}

func TestInboxIsBounded(t *testing.T) {
	b := NewInbox(1, time.Minute, slog.New(slog.DiscardHandler), nil)
	if err := b.Accept(t.Context(), forge.Event{Delivery: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := b.Accept(t.Context(), forge.Event{Delivery: "b"}); !errors.Is(err, ErrFull) {
		t.Errorf("second event: %v, want ErrFull", err)
	}
	for i := range maxSeen + 10 {
		b.remember(string(rune(i)))
	}
	if len(b.seen) > maxSeen {
		t.Errorf("%d deliveries remembered, want at most %d", len(b.seen), maxSeen)
	}
}
