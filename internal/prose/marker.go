package prose

import "github.com/salvehq/salve/internal/forge"

// markerOf is what the first line of the body says to this program.
func markerOf(p Pull, evidence string) forge.Marker {
	m := forge.Marker{
		Key: Cut(p.Key, 1000), Evidence: evidence,
		From: Cut(p.Changes[0].From, 200), To: Cut(p.Changes[0].To, 200), Version: 1,
	}
	for _, e := range p.Evidence[:min(len(p.Evidence), maxRows)] {
		if eventForm.MatchString(e.Event) {
			m.Problems = append(m.Problems, e.Event)
		}
	}
	return m
}
