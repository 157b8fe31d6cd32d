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
		{"no database", "{}", errors.New("no database"), 503},
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
