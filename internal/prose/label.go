package prose

import (
	"cmp"
	"strings"

	"github.com/salvehq/salve/internal/forge"
)

// The first label of every pull request says what kind of change it is.
const (
	Remediation = "remediation"
	AlertTuning = "alert-tuning"
)

// labels are the labels of this program: colour and description by name, or by
// what stands before a slash.
var labels = map[string]forge.Label{
	"salve":             {Colour: "5319e7", Description: "Opened by Salve"},
	Remediation:         {Colour: "0e8a16", Description: "Answers an open Dynatrace problem"},
	AlertTuning:         {Colour: "1d76db", Description: "Tunes an alert rule that fires too often"},
	"problem-closed":    {Colour: "bfdadc", Description: "The problem that this answers has closed"},
	"ineffective":       {Colour: "e99695", Description: "The problem came back after the merge"},
	"regression":        {Colour: "d93f0b", Description: "New problems began right after the merge"},
	"effective":         {Colour: "c2e0c6", Description: "The problem stayed away after the merge"},
	"remedy":            {Colour: "c5def5", Description: "The kind of change"},
	"severity/critical": {Colour: "b60205", Description: "The worst problem behind this is critical"},
	"severity/high":     {Colour: "d93f0b", Description: "The worst problem behind this is high"},
	"severity/medium":   {Colour: "fbca04", Description: "The worst problem behind this is medium"},
	"severity/low":      {Colour: "c2e0c6", Description: "The worst problem behind this is low"},
}

// Labels returns the labels of a pull request: salve, kind, remedy/<remedy>,
// severity/<severity> and what the repository adds, each with the prefix that
// the repository chose.
func Labels(prefix, kind, remedy, severity string, add []string) []forge.Label {
	names := []string{"salve", kind, "remedy/" + remedy}
	if severity = strings.ToLower(severity); labels["severity/"+severity].Colour != "" {
		names = append(names, "severity/"+severity)
	}
	var out []forge.Label
	for _, name := range names {
		out = append(out, Label(prefix, name))
	}
	for _, name := range add[:min(len(add), MaxRows)] {
		out = append(out, Label("", name))
	}
	return out
}

// Label returns one label, with colour and description where it is one of ours.
// GitHub takes at most 50 characters and no comma.
func Label(prefix, name string) forge.Label {
	group, _, _ := strings.Cut(name, "/")
	l := labels[name]
	if l.Colour == "" {
		l = labels[group]
	}
	l.Name = Cut(strings.ReplaceAll(Plain(prefix+name), ",", " "), 50)
	l.Colour = cmp.Or(l.Colour, "ededed")
	return l
}
