// Package templates carries the texts that steer this program: queries,
// remedies, the wording of pull requests, and new files for target
// repositories. They are embedded, so that the binary needs nothing beside it.
package templates

import "embed"

// FS holds queries/, remedies/, pull/, kubernetes/ and terraform/.
//
//go:embed all:queries all:remedies all:pull all:kubernetes all:terraform
var FS embed.FS
