// Package dql holds what a DQL query is made of and what it returns: values,
// records, queries with their parameters still apart, and results that say how
// far they can be trusted.
//
// It imports the standard library only. The language itself is in the packages
// below it: syntax (text and tree), function (the table of functions), check
// (what can be said without data), eval (the engine).
package dql

import (
	"context"
	"fmt"
	"time"
)

// A Query is DQL text and its parameters, still apart from it. A placeholder
// ${NAME} in the text, inside or outside a string literal, is bound as a value
// when the query is sent or run; it is never pasted into the text, so a
// hostile name cannot leave its quotes.
type Query struct {
	Name   string           // of the file it came from; for logs and evidence
	Text   string           // DQL, with placeholders
	Params map[string]Value // by name, without ${}
	From   time.Time        // default timeframe; zero means the engine's own, the last two hours
	To     time.Time        // zero means now
}

// A Querier answers queries. A failed query is an error; an answer that cannot
// be trusted whole is a Result whose Quality says so.
type Querier interface {
	Query(ctx context.Context, q Query) (Result, error)
}

// A Result is the answer to a query.
type Result struct {
	Records []Record
	Quality Quality
	Notices []Notice  // what the engine had to say about the answer
	Asked   time.Time // when the query was run; UTC
}

// A Quality says how far a result can be trusted.
// The zero Quality trusts nothing.
//
// Grail answers SUCCEEDED with zero rows when the token may not read the
// bucket, so an empty result is not the same as "no problems" until something
// else has shown that rows could have been seen.
type Quality int

const (
	Failed          Quality = iota // no answer: unreachable, refused, cancelled
	UnverifiedEmpty                // no rows, and nothing shows that rows could have been seen
	Partial                        // a limit, a sampling or a missing permission cut the answer
	OK                             // complete
)

var qualities = [...]string{"ERROR", "UNVERIFIED_EMPTY", "PARTIAL", "OK"}

// String returns the word that statuses and reports use.
func (q Quality) String() string { return qualities[q] }

// A Notice is what an engine says beside an answer.
type Notice struct {
	Severity string // INFO, WARNING or ERROR
	Type     string // SCAN_LIMIT_GBYTES, API_RECORDS_LIMIT_ADDED, …
	Message  string
}

func (n Notice) String() string { return fmt.Sprintf("%s %s: %s", n.Severity, n.Type, n.Message) }
