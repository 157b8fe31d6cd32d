package redact

import (
	"strings"
	"testing"
)

// What is not looked at for secrets has none.
func FuzzTelling(f *testing.F) {
	for _, s := range []string{
		"-----BEGIN RSA PRIVATE KEY-----\nx", "ghs_0123456789", "xghs_0123456789 gho_01234567", "github_pat_0123456789", "dt0c01.ABC.DEF",
		"eyJhbGciOi.eyJpc3MiOi.sig", "AUTHORIZATION: token x", "\"Authorization\":\"x\"", "Bearer 01234567890123456789", "bEARER 01234567890123456789",
		"\u212a\u017f", "high_memory through the roof", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, text := range []string{s, strings.ToUpper(s), strings.ToLower(s)} {
			if !telling(text) && forms.MatchString(text) {
				t.Errorf("%q has %q", text, forms.FindString(text))
			}
		}
	})
}
