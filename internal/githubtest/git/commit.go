package git

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Signature says who did something and when. Git keeps whole seconds.
type Signature struct {
	Name  string
	Email string
	When  time.Time
}

// A Snapshot is a commit, taken apart.
type Snapshot struct {
	ID        ID // empty for a commit that is not stored yet
	Tree      ID
	Parents   []ID
	Author    Signature
	Committer Signature
	Message   string
	GPG       string // armoured signature, usually empty
}

// Payload returns what a signature over c signs: c without one.
func (c Snapshot) Payload() string { c.GPG = ""; return c.encode() }

func (c Snapshot) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", p)
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n", c.Author, c.Committer)
	if c.GPG != "" {
		fmt.Fprintf(&b, "gpgsig %s\n", strings.ReplaceAll(strings.TrimSuffix(c.GPG, "\n"), "\n", "\n "))
	}
	return b.String() + "\n" + c.Message
}

// String returns s as git writes it into a commit.
func (s Signature) String() string {
	clean := strings.NewReplacer("<", "", ">", "", "\n", "", "\x00", "")
	return fmt.Sprintf("%s <%s> %d %s", clean.Replace(s.Name), clean.Replace(s.Email), s.When.Unix(), s.When.Format("-0700"))
}

// PutCommit stores c and returns its id.
func (r *Repository) PutCommit(c Snapshot) ID { return r.Put(Commit, []byte(c.encode())) }

// Commit returns a commit, or ErrMissing.
func (r *Repository) Commit(id ID) (Snapshot, error) {
	data, err := r.Get(Commit, id)
	if err != nil {
		return Snapshot{}, err
	}
	head, message, _ := strings.Cut(string(data), "\n\n")
	c := Snapshot{ID: id, Message: message}
	for line := range strings.SplitSeq(head, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "tree":
			c.Tree = ID(rest)
		case "parent":
			c.Parents = append(c.Parents, ID(rest))
		case "author":
			c.Author = parseSignature(rest)
		case "committer":
			c.Committer = parseSignature(rest)
		case "gpgsig":
			c.GPG = rest + "\n"
		case "":
			c.GPG += rest + "\n"
		}
	}
	return c, nil
}

func parseSignature(s string) Signature {
	name, rest, _ := strings.Cut(s, " <")
	email, stamp, _ := strings.Cut(rest, "> ")
	seconds, zone, _ := strings.Cut(stamp, " ")
	unix, _ := strconv.ParseInt(seconds, 10, 64)
	when := time.Unix(unix, 0).UTC()
	if t, err := time.Parse("-0700", zone); err == nil {
		if _, offset := t.Zone(); offset != 0 {
			when = when.In(time.FixedZone("", offset))
		}
	}
	return Signature{name, email, when}
}

// Ancestors returns id and every commit it can be reached from.
func (r *Repository) Ancestors(id ID) map[ID]bool {
	seen := map[ID]bool{}
	for todo := []ID{id}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if at == "" || seen[at] {
			continue
		}
		seen[at] = true
		if c, err := r.Commit(at); err == nil {
			todo = append(todo, c.Parents...)
		}
	}
	return seen
}

// Log returns the commits that head has and base does not, oldest first.
func (r *Repository) Log(base, head ID) []Snapshot {
	seen := r.Ancestors(base)
	var log []Snapshot
	var visit func(id ID)
	visit = func(id ID) {
		if seen[id] {
			return
		}
		seen[id] = true
		c, err := r.Commit(id)
		if err != nil {
			return
		}
		for _, p := range c.Parents {
			visit(p)
		}
		log = append(log, c)
	}
	visit(head)
	return log
}

// MergeBase returns the best common ancestor of two commits, false if their
// histories have nothing in common.
func (r *Repository) MergeBase(a, b ID) (ID, bool) {
	ours, theirs := r.Ancestors(a), r.Ancestors(b)
	maps.DeleteFunc(ours, func(id ID, _ bool) bool { return !theirs[id] })
	// What both have includes its own ancestors, so all but the best are parents
	// in it.
	for _, id := range slices.Collect(maps.Keys(ours)) {
		c, _ := r.Commit(id)
		for _, p := range c.Parents {
			delete(ours, p)
		}
	}
	best := slices.Sorted(maps.Keys(ours))
	if len(best) == 0 {
		return "", false
	}
	return best[0], true
}
