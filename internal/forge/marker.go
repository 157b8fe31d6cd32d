package forge

import (
	"encoding/json"
	"strings"
)

// A Marker is what the body of a pull request remembers for this program. It
// is written as an HTML comment, which the host keeps and does not show.
type Marker struct {
	Key      string `json:"key"`
	Evidence string `json:"evidence,omitempty"`
}

const markerStart, markerEnd = "<!-- salve ", " -->"

// String returns m as a line of Markdown. Keys are quoted as JSON, which
// escapes > and so cannot end the comment early.
func (m Marker) String() string {
	b, err := json.Marshal(m)
	if err != nil {
		return "" // two strings always marshal
	}
	return markerStart + string(b) + markerEnd
}

// ParseMarker returns the last marker in body: whatever stands before it may
// have been written by others.
func ParseMarker(body string) (Marker, bool) {
	i := strings.LastIndex(body, markerStart)
	if i < 0 {
		return Marker{}, false
	}
	text, _, ok := strings.Cut(body[i+len(markerStart):], markerEnd)
	var m Marker
	if !ok || json.Unmarshal([]byte(text), &m) != nil || m.Key == "" {
		return Marker{}, false
	}
	return m, true
}
