package forge

import (
	"encoding/json"
	"strings"
)

// A Marker is what the first line of a body says to this program: an HTML
// comment that the host keeps and people do not see. With it a pull request is
// found and judged again without a database.
type Marker struct {
	Key      string   `json:"key"`
	Evidence string   `json:"evidence"`           // digest of what the body was made from
	Problems []string `json:"problems,omitempty"` // event.id of each problem that speaks for the change
	Subject  string   `json:"subject,omitempty"`  // digest of service and environment: what changes of one service share
	From     string   `json:"from,omitempty"`     // of the first change
	To       string   `json:"to,omitempty"`
	Version  int      `json:"v"` // of this format: 1
}

const (
	markerOpen  = "<!-- salve:"
	markerClose = " -->"
	maxMarker   = 8 << 10 // bytes
)

// inert hides what could end the comment, or mention somebody once the body has
// become the message of a squashed commit. In JSON only texts hold these.
var inert = strings.NewReplacer("-", `\u002d`, "@", `\u0040`, "#", `\u0023`)

// String writes m as an HTML comment that no key can end.
func (m Marker) String() string {
	b, err := json.Marshal(m) // escapes < > &
	if err != nil {
		return "" // strings always marshal
	}
	return markerOpen + inert.Replace(string(b)) + markerClose
}

// ParseMarker reads the marker of a body. It stands on the first line; what
// looks like one elsewhere is somebody's text.
func ParseMarker(body string) (Marker, bool) {
	line, _, _ := strings.Cut(body, "\n")
	line = strings.TrimSuffix(line, "\r")
	if len(line) > maxMarker || !strings.HasPrefix(line, markerOpen) || !strings.HasSuffix(line, markerClose) {
		return Marker{}, false
	}
	var m Marker
	text := line[len(markerOpen) : len(line)-len(markerClose)]
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Version != 1 || m.Key == "" {
		return Marker{}, false
	}
	return m, true
}
