package prose

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"text/template"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/templates"
)

// A Preview is one pull request that would be proposed.
type Preview struct {
	Title    string
	Problems []string // display ids
}

// An Offer is what a repository without a configuration is offered.
type Offer struct {
	Key           string // of the proposal
	Changes       []Preview
	Open, PerHour int // limits that would hold
	Declined      int // days for which a no would hold
}

// RenderOffer words the pull request that offers a configuration.
func RenderOffer(o Offer) (Text, error) {
	t, err := template.New("").Option("missingkey=error").ParseFS(templates.FS, "pull/offer.md.tmpl")
	if err != nil {
		return Text{}, err
	}
	type row struct{ Title, Problems string }
	view := struct {
		Changes       []row
		More          int
		Open, PerHour int
		Declined      string
	}{Open: o.Open, PerHour: o.PerHour, Declined: fmt.Sprintf("%d days", o.Declined), More: max(len(o.Changes)-MaxRows, 0)}
	for _, c := range o.Changes[:min(len(o.Changes), MaxRows)] {
		view.Changes = append(view.Changes, row{Neutralise(c.Title), few(each(c.Problems, Neutralise), len(c.Problems))})
	}
	body, err := fill(t, "offer.md.tmpl", view)
	if err != nil {
		return Text{}, err
	}
	sum := sha256.Sum256([]byte(body))
	out := Text{
		Title:    "Let Salve answer Dynatrace problems here",
		Message:  "Add .github/salve.yml\n\nWith it Salve may propose changes that answer Dynatrace problems.",
		Evidence: hex.EncodeToString(sum[:8]),
	}
	out.Body = forge.Marker{Key: o.Key, Evidence: out.Evidence, Version: 1}.String() + "\n" + strings.TrimSpace(body)
	return out, nil
}
