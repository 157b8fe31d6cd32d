// Package internal holds the code of Salve; this page is the tour, bottom up.
//
// # The ground
//
// Package dql has the values, records and queries of DQL, and what is known
// about the quality of an answer. Package patch changes text byte by byte and
// prints diffs. Package templates (at the top of the module) embeds everything
// that steers the program: queries, remedies, texts, new files.
//
// # The words
//
// Package forge names the parts of a code host: repositories, commits,
// proposals, statuses, events; and it refuses names that could climb out of a
// URL or a tree. Package problem reads Davis problems from records, package
// redact takes secrets out of what leaves the program. Packages dql/syntax,
// dql/function and dql/check are the language: text and tree, the table of
// functions, what can be said without data. Packages dql/records, dql/scalar,
// dql/pattern and dql/eval are the engine that answers queries from records.
//
// # What the use cases think with
//
// Package policy turns a value into the next one by a rule that can be named,
// and reads .github/salve.yml. Packages kubeedit and tfedit find where a value
// stands in a file and replace its bytes; packages kustomize and helm know how
// overlays and charts fit together; package inventory knows which file it is,
// and of a later commit looks only at what changed. What is written plainly the
// two editors read themselves, for speed: tests hold them against the parsers of
// the languages, which judge every edit. Package prose words titles, bodies and
// statuses, and makes hostile text harmless. Package codeowners says who owns a
// file. Package catalog has the queries with their parameters, columns and words.
// Package plan reads remedies, and puts all of this together: from a remedy, a
// repository, evidence and what containers used to a proposal or to a reason why
// there is none.
//
// # The use cases
//
// Package remedy answers open problems, package tune noisy detectors, package
// gate deployments; package outcome looks at what merged changes came to, and
// package dashboard shows all of that in an issue whose boxes act; package
// review looks at changes of people that go against what is open;
// package propose carries the changes of the first two to pull requests;
// package estate keeps the repositories that they read, and package onboard
// offers a configuration to those that have none. Each declares the ports it
// needs and gets time as an argument; but for propose, none knows another.
//
// # The edges
//
// Package dynatrace speaks to Grail, package ghapp to GitHub, package schedule
// to the clock, package queue to the database, package server to whoever calls;
// package metrics counts and package tracing shows what they do.
// Packages dynatracetest and githubtest are the other sides of the first two:
// servers of the real protocols, for tests, and with package sandbox for the
// demo and salve sandbox. Package archtest holds the import rules.
//
// # One proposal, one job
//
// A tick of the schedule is one job, whichever replica it runs in: it asks for
// the problems, decides about each and groups what one change answers into
// tasks. It writes no change itself. Under salve serve each task is a job of
// its own, which reads the head of its repository again, finds the place there,
// plans, keeps to the limits and proposes. What was decided over all
// repositories stays decided; what only the repository knows is asked at the
// last moment, so a job may run late, twice, or in another process.
//
//   - The jobs of one installation run one after the other. They share its
//     limits, and one that hangs takes one worker from the rest.
//   - A tick that finds the job of a proposal waiting, running or to be retried
//     puts no second one beside it.
//   - A limit that GitHub reports puts a job off and uses up no attempt. What
//     rules or permissions refuse is dead at once, and rests for an hour.
//   - A task older than half an hour is not answered: a new cycle decides.
//   - A task whose pull request is as it should be is settled: while nothing
//     about it changes it is answered once an hour, not with every tick.
//   - The tick judges the open pull requests that are nobody's task, a job the
//     one that its task is about.
//   - Then the tick looks at all else: gates, merged changes, dashboards, changes
//     of people; several installations at a time, each within its own bounds.
//
// salve run and salve demo do the same in one process: decide, then answer one
// task after the other.
//
// # Log keys
//
//	delivery      GUID of a webhook delivery
//	event action  what it says happened
//	installation  the App in one account
//	repo pull sha where something is done
//	problem       display ID, P-…
//	entity query  what was asked for
//	reason        why nothing was done
//	job           of the schedule
//	err took      what went wrong; how long it took
//	trace_id span_id  where traces are sent: which one a line belongs to
package internal
