package redact

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// Attack 64: a secret inside an error text or a title must not get out.
func TestText(t *testing.T) {
	r := New("hunter2-webhook", "s3cr+t/x=", "x")
	for _, tt := range []struct{ in, want string }{
		{"nothing here", "nothing here"},
		{"token ghs_16C7e42F292c6912E7710c838347Ae178B4a!", "token [redacted]!"},
		{"ghs_12345_eyJhbGciOi.eyJpc3MiOi.c2ln-x_y", "[redacted]"},
		{"a ghp_abcdefgh1234 b", "a [redacted] b"},
		{"github_pat_11ABCDEFG_xyz", "[redacted]"},
		{"dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM", "[redacted]"},
		{"dt0s16.PLATFORM.SECRET,", "[redacted],"},
		{"Authorization: Bearer abcdefghij.klmnop", "[redacted]"},
		{`{"authorization": "token abc", "x": 1}`, `{"[redacted]", "x": 1}`},
		{"got Bearer abcdefghij.klmnopqrst, not", "got [redacted], not"},
		{"basic internationalization of a token authentication", "basic internationalization of a token authentication"},
		{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter", "[redacted]\nafter"},
		{"-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[redacted]"},
		{"is hunter2-webhook known", "is [redacted] known"},
		{"b64 " + base64.StdEncoding.EncodeToString([]byte("hunter2-webhook")), "b64 [redacted]"},
		{"url ?s=s3cr%2Bt%2Fx%3D&x", "url ?s=[redacted]&x"},
		{"the bearer of bad news", "the bearer of bad news"},
		{"memory limit of shop/checkout ghs_ dt0c01", "memory limit of shop/checkout ghs_ dt0c01"},
	} {
		if got := r.Text(tt.in); got != tt.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
	var none *Redactor
	if got := none.Text("ghs_abcdefgh hunter2-webhook"); got != "[redacted] hunter2-webhook" {
		t.Errorf("a nil Redactor gives %q", got)
	}
}

func TestError(t *testing.T) {
	r := New()
	err := r.Error(fmt.Errorf("read: %w: ghs_abcdefgh", io.ErrUnexpectedEOF))
	if strings.Contains(err.Error(), "ghs_") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Error = %v; want no token and the same kind", err)
	}
	if r.Error(io.EOF) != io.EOF || r.Error(nil) != nil {
		t.Error("an error without secrets changed")
	}
}

func TestAttr(t *testing.T) {
	var out bytes.Buffer
	r := New("hunter2-webhook")
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: r.Attr}))
	log.Info("got hunter2-webhook", "err", errors.New("ghs_abcdefgh\nlevel=ERROR msg=forged"), "n", 1)
	if s := out.String(); strings.Contains(s, "hunter2") || strings.Contains(s, "ghs_") || strings.Count(s, "\n") != 1 || !strings.Contains(s, "n=1") {
		t.Errorf("logged %q", s)
	}
}

func FuzzText(f *testing.F) {
	f.Add("ghs_abcdefgh -----BEGIN PRIVATE KEY----- dt0c01.A.B Bearer abcdefghijklmnop")
	r := New("hunter2-webhook")
	f.Fuzz(func(t *testing.T, s string) {
		if got := r.Text(s + "hunter2-webhook" + s); strings.Contains(got, "hunter2-webhook") {
			t.Errorf("secret stays in %q", got)
		}
	})
}
