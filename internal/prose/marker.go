package prose

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/salvehq/salve/internal/forge"
)

// maxKey bounds a key, in bytes: a marker with a longer one would not be read
// back.
const maxKey = 900

// sameness stands for names of which only equality counts.
func sameness(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// markerOf is what the first line of the body says to this program.
func markerOf(p Pull, evidence string) forge.Marker {
	m := forge.Marker{
		Key: p.Key, Evidence: evidence, Subject: sameness(p.Subject, p.Environment),
		From: Cut(p.Changes[0].From, 100), To: Cut(p.Changes[0].To, 100), Version: 1,
	}
	for _, e := range p.Evidence[:min(len(p.Evidence), MaxRows)] {
		if eventForm.MatchString(e.Event) {
			m.Problems = append(m.Problems, e.Event)
		}
	}
	return m
}
