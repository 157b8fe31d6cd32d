package prose

import (
	"strings"
	"testing"

	"github.com/salvehq/salve/internal/forge"
)

// An offer shows what would be proposed, and no title makes more of itself.
func TestRenderOffer(t *testing.T) {
	o := Offer{Key: "acme/shop | configure", Open: 10, PerHour: 4, Declined: 30, Changes: []Preview{
		{"Raise memory limit of shop/checkout to 640Mi", []string{"P-1", "P-2"}},
		{"@acme/all closes #1 | x\n<img src=https://evil.example/x.png> --> `", []string{"P-3", "@eve"}},
	}}
	for range 30 {
		o.Changes = append(o.Changes, Preview{"Raise CPU limit of shop/cart to 1", []string{"P-4"}})
	}
	text, err := RenderOffer(o)
	if err != nil {
		t.Fatal(err)
	}
	const link = "[docs/salve.yml](https://github.com/salvehq/salve/blob/main/docs/salve.yml)" // our own
	if strings.Count(text.Body, link) != 1 {
		t.Errorf("lacks %s", link)
	}
	plain := text
	plain.Body = strings.Replace(text.Body, link, "", 1)
	harmless(t, plain)
	for _, part := range []string{"| Raise memory limit of shop/checkout to 640Mi | P-1, P-2 |\n", "And 12 more.", "for 30 days. At most 10 are open at a time, and 4 opened"} {
		if !strings.Contains(text.Body, part) {
			t.Errorf("lacks %q:\n%s", part, text.Body)
		}
	}
	if m, ok := forge.ParseMarker(text.Body); !ok || m.Key != o.Key || m.Evidence != text.Evidence {
		t.Errorf("marker %+v", m)
	}
	if again, _ := RenderOffer(o); again.Body != text.Body {
		t.Error("the same offer in other words")
	}
}
