// Package envname knows how directories, files and values call the usual
// environments.
package envname

import "strings"

var synonyms = map[string]string{
	"prod": "production", "prd": "production", "production": "production", "live": "production",
	"stage": "staging", "stg": "staging", "staging": "staging",
	"dev": "development", "develop": "development", "development": "development",
	"test": "test", "tst": "test", "testing": "test", "qa": "qa", "uat": "uat",
	"preprod": "preproduction", "pre-prod": "preproduction", "preproduction": "preproduction",
	"sandbox": "sandbox", "integration": "integration", "canary": "canary", "perf": "performance", "demo": "demo",
}

// Usual returns the environment that a word stands for; ok is false for a word
// that is no usual name of one.
func Usual(word string) (name string, ok bool) {
	name, ok = synonyms[strings.ToLower(word)]
	return name, ok
}

// Canonical returns the one spelling of an environment's name: of a usual one
// the long form, of any other the lower case.
func Canonical(name string) string {
	if s, ok := Usual(name); ok {
		return s
	}
	return strings.ToLower(name)
}
