package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Attack 65: a key that others on the machine can have is said so, whatever
// holds it; a secret file is not read without end.
func TestFilesOfSecrets(t *testing.T) {
	box, environ := sandboxed(t, demoWorld(t, nil))
	dir := t.TempDir()
	key := filepath.Join(dir, "app.pem")
	if err := os.WriteFile(key, box.Key, 0o600); err != nil {
		t.Fatal(err)
	}
	environ = append(environ, "SALVE_GITHUB_PRIVATE_KEY_FILE="+key)
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o400: "", 0o640: "", 0o644: "every user of this machine can read", 0o660: "others can change", 0o666: "others can change",
	} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		_, errs, code := salve(t, environ, "run", "--dry-run", "--now", now)
		if code != 0 || !strings.Contains(errs, want) || want == "" && strings.Contains(errs, "chmod") {
			t.Errorf("mode %o: exit %d, %q, want %q", mode, code, errs, want)
		}
	}
	for name, file := range map[string]string{"a directory": dir, "no file": filepath.Join(dir, "none"), "a device without end": "/dev/zero"} {
		if _, errs, code := salve(t, append(environ, "SALVE_DYNATRACE_TOKEN=", "SALVE_DYNATRACE_TOKEN_FILE="+file), "run", "--dry-run"); code != exitUsage || !strings.Contains(errs, "SALVE_DYNATRACE_TOKEN_FILE") {
			t.Errorf("%s: exit %d, %q", name, code, errs)
		}
	}
}

// Attack 64: every secret that the program is given is known to what takes
// secrets out of its texts.
func TestRedactorKnowsAllSecrets(t *testing.T) {
	s := &settings{
		githubKey: "secret-key", webhookSecret: "secret-hook", dynatraceToken: "secret-token", dynatraceSecret: "secret-client",
		gateTokens: "secret-gate-1,secret-gate-2\nsecret-gate-3", database: "postgres://salve:secret-base@db.example.com/salve",
	}
	text := "secret-key secret-hook secret-token secret-client secret-gate-1 secret-gate-2 secret-gate-3 secret-base"
	if got := s.redactor().Text(text); strings.Contains(got, "secret") {
		t.Errorf("%s", got)
	}
}

// A setting that says nothing that is known is named, before anything runs.
func TestWrongSettings(t *testing.T) {
	_, environ := sandboxed(t, demoWorld(t, nil))
	for setting, want := range map[string]string{
		"SALVE_GITHUB_APP_ID=shop":     `App id "shop"`,
		"SALVE_DYNATRACE_URL=abc12345": `want https://abc12345.apps.dynatrace.com`,
		"SALVE_DATABASE=mysql://x":     "want the name of a file, or postgres://",
		"SALVE_DATABASE=/none/x.db":    "/none/x.db",
		"SALVE_LISTEN=foo":             "listen on foo",
		"SALVE_METRICS_LISTEN=foo":     "show metrics on foo",
		"SALVE_URL=salve.example.com":  `SALVE_URL "salve.example.com"`,
		"SALVE_GATES=61 * * * *":       `SALVE_GATES: cron expression`,
		"SALVE_ONBOARD=yes":            `SALVE_ONBOARD "yes": want on or off`,
		"SALVE_PACING=no":              `SALVE_PACING "no": want on or off`,
		"SALVE_QUERIES=none":           "--queries none",
	} {
		_, errs, code := salve(t, append(environ, "SALVE_LISTEN=127.0.0.1:0", "SALVE_DATABASE="+filepath.Join(t.TempDir(), "salve.db"), setting), "serve")
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", setting, code, errs)
		}
	}
}
