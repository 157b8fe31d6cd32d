package forge

// A CheckRun is a check with a page of its own and a button to run it again.
// https://docs.github.com/en/rest/checks/runs
type CheckRun struct {
	ID         int64  // given by the host
	Name       string // "Salve: pre-deployment"; never the name of a status context
	Head       SHA
	Conclusion string // "success", "failure", "neutral", "action_required"; empty while it runs
	Title      string // of the output
	Summary    string // Markdown, at most 65,535 characters
	URL        string // for details; may be empty
}
