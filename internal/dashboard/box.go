package dashboard

import (
	"encoding/json"
	"regexp"
	"strings"
)

// An Action is what a box does.
type Action string

const (
	Again  Action = "again"  // look at everything
	Retry  Action = "retry"  // look at one proposal
	Now    Action = "now"    // open it in spite of limits and quiet times
	Ignore Action = "ignore" // close it, and do not propose it again
	Reopen Action = "reopen" // forget that it was closed or ignored
)

// actions are the words beside a box.
var actions = map[Action]string{
	Again:  "Look at everything again now",
	Retry:  "Look at it again now, and bring it up to date",
	Now:    "Open it now in spite of that",
	Ignore: "Ignore it: close it, and do not propose it again",
	Reopen: "Propose it again",
}

// A Box is one box of a dashboard.
type Box struct {
	Do  Action `json:"do"`
	Key string `json:"key,omitempty"` // of the change; empty for Again
}

// maxKey bounds a key in a box, in bytes, like that of a pull request.
const maxKey = 900

// inert hides in JSON, where only texts hold these, what could end the comment.
var inert = strings.NewReplacer("-", `\u002d`, "@", `\u0040`, "#", `\u0023`)

// line is an empty box with a mark that says what it does.
func (b Box) line(words string) string {
	text, err := json.Marshal(b) // escapes < > &
	if err != nil {
		return "" // strings always marshal
	}
	return "- [ ] <!-- salve:box " + inert.Replace(string(text)) + " --> " + words
}

var boxForm = regexp.MustCompile(`(?m)^([ \t]{0,8}[-*+] \[)([ xX])(\] <!-- salve:box (\{[^\r\n]*?\}) -->)`)

// ticked returns the boxes of a body that are ticked. Marks that this program
// did not write, or that are cut, are left out.
func ticked(body string) map[Box]bool {
	out := map[Box]bool{}
	for _, m := range boxForm.FindAllStringSubmatch(body, maxTicks) {
		var b Box
		if m[2] == " " || json.Unmarshal([]byte(m[4]), &b) != nil || actions[b.Do] == "" || len(b.Key) > maxKey {
			continue
		}
		out[b] = true
	}
	return out
}

// maxTicks bounds the boxes of a body that are looked at.
const maxTicks = 500

// newlyTicked returns the boxes that are ticked in to and were not in from, in no
// order.
func newlyTicked(from, to string) []Box {
	before := ticked(from)
	var out []Box
	for b := range ticked(to) {
		if !before[b] {
			out = append(out, b)
		}
	}
	return out
}

// cleared returns a body with every box empty.
func cleared(body string) string { return boxForm.ReplaceAllString(body, "${1} ${3}") }
