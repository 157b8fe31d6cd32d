package dynatracetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// control adds the switches for people with curl; tests call Break and Heal.
//
//	POST   /sandbox/faults  {"on":"query:execute","times":1,"status":429,"retryAfter":"17s"}
//	DELETE /sandbox/faults
//	PUT    /sandbox/async   true or false: whether execute always answers 202
//
// They need no token: a tenant for tests listens on this machine only.
func (s *Server) control() {
	s.mux.HandleFunc("POST /sandbox/faults", func(w http.ResponseWriter, r *http.Request) {
		var f switches
		if !receive(w, r, &f) {
			return
		}
		fault, err := f.fault()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Break(fault)
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("DELETE /sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Heal()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("PUT /sandbox/async", func(w http.ResponseWriter, r *http.Request) {
		var on bool
		if !receive(w, r, &on) {
			return
		}
		s.mu.Lock()
		s.async = on
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	})
}

// receive decodes the body of a request to a switch.
func receive(w http.ResponseWriter, r *http.Request, v any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// switches is a [Fault] as JSON.
type switches struct {
	On           string `json:"on"`
	Times        int    `json:"times"`
	Latency      string `json:"latency"`
	Status       int    `json:"status"`
	HTML         bool   `json:"html"`
	RetryAfter   string `json:"retryAfter"`
	Redirect     string `json:"redirect"`
	State        string `json:"state"`
	Blind        bool   `json:"blind"`
	Silent       bool   `json:"silent"`
	Notification string `json:"notification"`
	Truncate     bool   `json:"truncate"`
	Body         string `json:"body"`
}

func (x switches) fault() (Fault, error) {
	f := Fault{
		On: x.On, Times: x.Times, Status: x.Status, HTML: x.HTML, Redirect: x.Redirect, State: x.State,
		Blind: x.Blind, Silent: x.Silent, Notification: x.Notification, Truncate: x.Truncate, Body: x.Body,
	}
	if x.Status != 0 && (x.Status < 400 || x.Status > 599) {
		return Fault{}, fmt.Errorf("status %d: want 400 to 599", x.Status)
	}
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"latency", x.Latency, &f.Latency}, {"retryAfter", x.RetryAfter, &f.RetryAfter}} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.to, err = time.ParseDuration(d.text); err != nil || *d.to < 0 {
			return Fault{}, fmt.Errorf("%s %q: want a duration such as 17s", d.name, d.text)
		}
	}
	return f, nil
}
