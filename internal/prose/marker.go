package prose

import (
	"encoding/json"
	"strings"
)

// A Marker is what the first line of a body says to this program: an HTML
// comment that people do not see. With it a pull request is found and judged
// again without a database.
type Marker struct {
	Key      string   `json:"key"`
	Evidence string   `json:"evidence"`           // digest, see [Text]
	Problems []string `json:"problems,omitempty"` // event.id of each, at most 20
	From     string   `json:"from,omitempty"`     // of the first change
	To       string   `json:"to,omitempty"`
	Version  int      `json:"v"`
}

const (
	markerOpen  = "<!-- salve:"
	markerClose = " -->"
	maxMarker   = 8 << 10 // bytes
)

func markerOf(p Pull, evidence string) Marker {
	m := Marker{Key: p.Key, Evidence: evidence, From: p.Changes[0].From, To: p.Changes[0].To, Version: 1}
	for _, e := range p.Evidence[:min(len(p.Evidence), maxRows)] {
		if eventForm.MatchString(e.Event) {
			m.Problems = append(m.Problems, e.Event)
		}
	}
	return m
}

// inert hides what could end the comment, or mention somebody once the body has
// become the message of a squashed commit. In JSON only texts hold these.
var inert = strings.NewReplacer("-", `\u002d`, "@", `\u0040`, "#", `\u0023`)

// String writes m as an HTML comment that no key can end.
func (m Marker) String() string {
	m.Key, m.From, m.To = Cut(m.Key, 1000), Cut(m.From, 200), Cut(m.To, 200)
	b, err := json.Marshal(m) // escapes < > &
	if err != nil {
		return ""
	}
	return markerOpen + inert.Replace(string(b)) + markerClose
}

// FindMarker reads the marker of a body. It stands on the first line; what
// looks like one elsewhere is somebody's text.
func FindMarker(body string) (Marker, bool) {
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
