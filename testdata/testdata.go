// Package testdata embeds the demo world, so that salve demo and salve sandbox
// need nothing beside the binary.
package testdata

import "embed"

// FS holds demo/: repositories and problem records; see demo/README.md.
//
//go:embed all:demo
var FS embed.FS
