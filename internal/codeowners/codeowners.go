// Package codeowners says who owns the files of a change, by the CODEOWNERS
// file of a repository.
// https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
package codeowners

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/hmarr/codeowners"
)

// Places are the paths at which GitHub looks for the file. The first that is
// there counts.
func Places() []string { return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} }

// MaxSize is the size in bytes of the largest file that GitHub reads.
const MaxSize = 3 << 20

// Bounds of what is read of a file: longer lines are skipped as those with
// mistakes are, and more rules than these are no list that people keep.
const (
	maxLine  = 1 << 10 // bytes
	maxRules = 20_000
)

// Owners returns who owns paths: logins, and teams as organisation/team, each
// once. The last rule that matches a path says who; it may say nobody. A line
// with a mistake is skipped, as GitHub does. Owners that are named by their
// e-mail address are left out, since only GitHub knows whose it is.
//
// An error means that the file is not one that could be read to its end.
func Owners(ctx context.Context, src []byte, paths []string) ([]string, error) {
	if len(src) > MaxSize {
		return nil, fmt.Errorf("has %d bytes, more than the %d that GitHub reads", len(src), MaxSize)
	}
	lines := slices.Collect(bytes.Lines(src))
	left := slices.Clone(paths)
	var owners []string
	rules := 0
	// Backwards: the last match counts, so most of a long file is never parsed.
	for _, line := range slices.Backward(lines) {
		if len(left) == 0 {
			break
		}
		rule, ok := parse(line)
		if !ok {
			continue
		}
		if rules++; rules > maxRules {
			return nil, fmt.Errorf("has more than %d rules", maxRules)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		left = slices.DeleteFunc(left, func(path string) bool {
			matches, err := rule.Match(path)
			if err != nil || !matches {
				return false
			}
			for _, o := range rule.Owners {
				if o.Type != codeowners.EmailOwner && !slices.Contains(owners, o.Value) {
					owners = append(owners, o.Value)
				}
			}
			return true
		})
	}
	return owners, nil
}

// parse reads one line; ok is false where it holds no rule. The library gives
// up on a whole file at its first mistake, hence line by line.
func parse(line []byte) (rule codeowners.Rule, ok bool) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] == '#' || len(line) > maxLine {
		return rule, false
	}
	rules, err := codeowners.ParseFile(bytes.NewReader(line))
	if err != nil || len(rules) != 1 || rules[0].RawPattern() == "/" {
		return rule, false // "/" matches no file, and the library panics over it
	}
	return rules[0], true
}
