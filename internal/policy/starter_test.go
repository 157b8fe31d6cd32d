package policy

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// What is offered says nothing but version: 1, and is right with its comments
// taken away too.
func TestStarter(t *testing.T) {
	place := func(kind, workload, file string) Place { return Place{Kubernetes: kind + " " + workload, File: file} }
	text := Starter([]Suggestion{
		{"shop/checkout", []Place{place("Deployment", "shop/checkout", "k8s/a.yaml"), place("Deployment", "shop/checkout", "k8s/b.yaml")}},
		{"shop/cart.v2", []Place{place("StatefulSet", "shop/cart.v2", "k8s/cart.yaml")}},
		{"shop/evil\u0085version: 2", []Place{place("Deployment", "shop/evil", "k8s/a.yaml")}},
		{"shop/evil", []Place{place("Deployment", "shop/evil", "k8s/\u2028dry-run: false.yaml")}},
		{"shop/evil", []Place{place("Deployment\n", "shop/evil", "k8s/a.yaml")}},
		{"evil", []Place{place("Deployment", "evil", "k8s/a.yaml")}},
	})
	c, err := Parse(File, text)
	if err != nil || len(c.Services) > 0 || !c.Writes().None() {
		t.Errorf("%v, services %v:\n%s", err, c.Services, text)
	}
	if bytes.Contains(text, []byte("evil")) {
		t.Errorf("holds an odd name:\n%s", text)
	}
	whole := regexp.MustCompile(`(?m)^# (services:|  )`).ReplaceAllString(string(text), "$1")
	if c, err = Parse(File, []byte(whole)); err != nil || len(c.Services) != 2 || len(c.Services["shop-checkout"].Owns) != 1 || c.Services["shop-cart.v2"].Owns[0].File != "k8s/cart.yaml" {
		t.Errorf("%v, services %+v:\n%s", err, c.Services, whole)
	}
	if strings.Contains(string(Starter(nil)), "services") {
		t.Error("suggests services where there are none")
	}
	if _, err := Parse(File, Starter(nil)); err != nil {
		t.Error(err)
	}
}
