package gate

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/salvehq/salve/internal/forge"
	"github.com/salvehq/salve/internal/policy"
)

// A Store keeps what only the database holds. Names are unique in a bucket; a
// value is forgotten once it expires, never if that is the zero time.
type Store interface {
	Get(ctx context.Context, bucket, name string) (value []byte, found bool, err error)
	Put(ctx context.Context, bucket, name string, value []byte, expires time.Time) error
	Delete(ctx context.Context, bucket, name string) error
	// Each yields the values of a bucket. An error comes last.
	Each(ctx context.Context, bucket string) iter.Seq2[[]byte, error]
}

// Buckets of the store.
const (
	bucketCases    = "gate.cases"
	bucketLive     = "gate.live"     // cases that wait for something: for a second sample, a window, a deadline
	bucketGrants   = "gate.grants"   // by pull request
	bucketHealthy  = "gate.healthy"  // commit of the last healthy deployment, by repository and environment
	bucketDeployed = "gate.deployed" // case of a deployed commit, by gate and environment
	bucketCommits  = "gate.commits"  // cases of a deployed commit, by repository and gate
	bucketRunning  = "gate.running"  // case of the last deployment, by repository, gate and environment
)

// kept is how long a case is remembered after it was last judged.
const kept = 30 * 24 * time.Hour

// A Case is one commit before one gate, as the database keeps it: what was
// decided, why, and when it must be decided. A verdict belongs to the commit
// that it was made for and to no other.
type Case struct {
	ID          string // names its page
	Gate        policy.GateName
	Repo        forge.Repo
	Head        forge.SHA
	Pull        int       // 0 for a deployment
	PullURL     string    // for people
	Environment string    // of a deployment; "" for a pull request, which may touch several
	Run         int64     // workflow run that waits for a protection rule; 0 if none does
	Deployment  int64     // on the code host, that is told how it went; 0 if not known
	Base        string    // branch whose configuration decides
	BaseSHA     forge.SHA // of a merge group
	Ref         string    // of a merge group

	Opened   time.Time // when the gate was first asked; for a deployment, when it was done
	Deadline time.Time // until which it may say that it does not know
	Replaced forge.SHA // by which commit a deployment was, before its deadline, which is then when that was
	Judged   time.Time
	Done     bool // nothing more is to be found out

	Mode     policy.Mode
	Verdict  Verdict
	State    forge.State
	Why      string // one line
	Services []Service
	Paths    []string  // changed files, which a commit keeps; none where they are too many
	Config   forge.SHA // commit of the base that Services and the configuration come from
	Rows     []Row
	Evidence []Row     // of the last verdict that held back, kept when it is over
	Health   []Health  // of the gate post-deployment
	Failing  time.Time // since when its samples see a critical problem; zero if the last did not
	Silent   string    // why nothing shows that the deployment did anything
	SilentAt time.Time // when that was last looked for
	Terms    []Risk    // of the gate risk
	Kinds    []Kind    // of the gate canary
	Quality  string
	Asked    []Question // of Dynatrace, for the last sample
	Pass     string     // why it may pass in spite of its rows: a fix, a broken glass
	Suspects []Suspect
	Samples  []Sample

	Said     string    // digest of what the code host was told
	SaidAt   time.Time // when that was last made sure of
	Reports  int       // to the protection rule; GitHub takes ten
	Reported string    // the last of them
}

// A Sample is a stretch of time in which looking again gave the same.
type Sample struct {
	From, To time.Time
	Verdict  Verdict
	Quality  string
}

// maxSamples bounds the history of a case.
const maxSamples = 120

// caseID names a case. The same commit, gate and environment are one case. It
// is the address of a page that needs no login, so it cannot be guessed by who
// knows the commit.
func (c *Checker) caseID(gate policy.GateName, repo forge.Repo, head forge.SHA, environment string, run int64) string {
	h := hmac.New(sha256.New, []byte(c.Key))
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%d", gate, strings.ToLower(repo.String()), head, environment, run)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sample adds a look at the case to its history.
func (c *Case) sample(v Verdict, quality string, now time.Time) {
	if n := len(c.Samples); n > 0 && c.Samples[n-1].Verdict == v && c.Samples[n-1].Quality == quality {
		c.Samples[n-1].To = now
		return
	}
	c.Samples = append(c.Samples, Sample{now, now, v, quality})
	if over := len(c.Samples) - maxSamples; over > 0 {
		c.Samples = slices.Delete(c.Samples, 0, over)
	}
}

// digest tells whether two texts for the code host differ.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Case returns a case by its ID; found is false if there is none.
func (c *Checker) Case(ctx context.Context, id string) (out Case, found bool, err error) {
	text, found, err := c.Store.Get(ctx, bucketCases, id)
	if err != nil || !found {
		return Case{}, false, err
	}
	out, err = decode(text)
	return out, err == nil, err
}

// decode reads what save wrote.
func decode(text []byte) (k Case, err error) {
	if err := json.Unmarshal(text, &k); err != nil {
		return Case{}, fmt.Errorf("a case in the database: %w", err)
	}
	return k, nil
}

// Cases returns all cases that were judged since a time, the oldest first.
func (c *Checker) Cases(ctx context.Context, since time.Time) ([]Case, error) {
	var out []Case
	for text, err := range c.Store.Each(ctx, bucketCases) {
		if err != nil {
			return nil, err
		}
		one, err := decode(text)
		if err != nil {
			return nil, err
		}
		if !one.Judged.Before(since) {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b Case) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// open returns the case of a commit, from the database or new. A new one is
// stored, with its deadline, before anything is found out: if the process dies
// now, another still answers in time.
func (c *Checker) open(ctx context.Context, k Case, rule policy.Gate, now time.Time) (Case, error) {
	k.ID = c.caseID(k.Gate, k.Repo, k.Head, k.Environment, k.Run)
	have, found, err := c.Case(ctx, k.ID)
	if err != nil || found {
		have.Mode = rule.Mode
		return have, err
	}
	return c.begin(ctx, k, rule, now)
}

// begin stores a new case in place of what was there.
func (c *Checker) begin(ctx context.Context, k Case, rule policy.Gate, now time.Time) (Case, error) {
	k.ID = c.caseID(k.Gate, k.Repo, k.Head, k.Environment, k.Run)
	k.Mode = rule.Mode
	if k.Opened.IsZero() {
		k.Opened = now
	}
	k.Deadline = k.Opened.Add(time.Duration(rule.Deadline))
	if err := c.save(ctx, &k, now); err != nil || k.Environment == "" || k.Run > 0 {
		return k, err
	}
	return k, c.enlist(ctx, &k)
}

// save stores a case, and that it waits or no longer does.
func (c *Checker) save(ctx context.Context, k *Case, now time.Time) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := c.Store.Put(ctx, bucketCases, k.ID, text, now.Add(kept)); err != nil {
		return fmt.Errorf("remember the gate of %s@%s: %w", k.Repo, k.Head.Short(), err)
	}
	if k.Environment != "" && k.Run == 0 {
		if err := c.Store.Put(ctx, bucketDeployed, deployedName(k.Gate, k.Head, k.Environment), []byte(k.ID), now.Add(kept)); err != nil {
			return err
		}
	}
	if k.Done {
		return c.Store.Delete(ctx, bucketLive, k.ID)
	}
	return c.Store.Put(ctx, bucketLive, k.ID, []byte(k.ID), now.Add(kept))
}

// deployedName names the case of a deployed commit in an environment.
func deployedName(gate policy.GateName, head forge.SHA, environment string) string {
	return digest(string(gate), string(head), environment)
}

// deployed returns the case of a deployed commit in an environment, of
// whichever repository: who asks over HTTP names none.
func (c *Checker) deployed(ctx context.Context, gate policy.GateName, head forge.SHA, environment string) (Case, bool, error) {
	id, found, err := c.Store.Get(ctx, bucketDeployed, deployedName(gate, head, environment))
	if err != nil || !found {
		return Case{}, false, err
	}
	return c.Case(ctx, string(id))
}

// A Memory is a Store that lasts as long as the process: for a single cycle
// from the command line, and for tests.
type Memory struct {
	mu      sync.Mutex
	buckets map[string]map[string][]byte
}

// Get returns what Put remembered.
func (m *Memory) Get(_ context.Context, bucket, name string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, found := m.buckets[bucket][name]
	return value, found, nil
}

// Put remembers a value until the process ends; it does not expire.
func (m *Memory) Put(_ context.Context, bucket, name string, value []byte, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buckets == nil {
		m.buckets = map[string]map[string][]byte{}
	}
	if m.buckets[bucket] == nil {
		m.buckets[bucket] = map[string][]byte{}
	}
	m.buckets[bucket][name] = value
	return nil
}

// Delete forgets a value, if there is one.
func (m *Memory) Delete(_ context.Context, bucket, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.buckets[bucket], name)
	return nil
}

// Each yields the values that a bucket holds now, by name.
func (m *Memory) Each(_ context.Context, bucket string) iter.Seq2[[]byte, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var values [][]byte
	names := make([]string, 0, len(m.buckets[bucket]))
	for name := range m.buckets[bucket] {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values = append(values, m.buckets[bucket][name])
	}
	return func(yield func([]byte, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}
