// Command iac-benchmark grows repositories from the demo world and measures, as
// whole processes on a warm cache, what it takes to read them, to take stock of
// them with salve, and to change values in them; the same changes by other
// tools beside it. It prints the tables of README.md.
//
//	go run . [-quick] [-files 1000,10000,100000] [-times 3] [-renovate COMMAND]
//
// It needs the salve and yq commands, which it builds, and find, xargs and cat.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	what := ""
	if len(os.Args) > 2 {
		what = os.Args[1]
	}
	var err error
	switch what {
	case "task":
		err = task(os.Args[2:])
	case "measure":
		err = direct(os.Args[2:])
	default:
		err = compare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compare() error {
	sizes := flag.String("files", "1000,10000,100000", "`numbers` of files, separated by commas; edits are made in the one nearest to 10,000")
	times := flag.Int("times", 3, "how often each is measured; the median of CPU time counts")
	quick := flag.Bool("quick", false, "1,000 and 10,000 files, each measured once, 200 runs of yq: under two minutes")
	keep := flag.String("keep", "", "`directory` to work in, which is kept")
	renovate := flag.String("renovate", "", "`command` of Renovate, whose extraction is measured where edits are; without it, it is left out")
	flag.Parse()
	b := bench{work: *keep, times: *times, runs: most, renovate: *renovate}
	if *quick {
		*sizes, b.times, b.runs = "1000,10000", 1, 200
	}
	if b.work == "" {
		dir, err := os.MkdirTemp("", "iac")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.work = dir
	}
	if err := b.build(); err != nil {
		return err
	}
	var all []int
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 100 {
			return fmt.Errorf("-files %q: want numbers of at least 100", s)
		}
		all = append(all, n)
	}
	nearest := slices.MinFunc(all, func(a, b int) int { return distance(a) - distance(b) })
	begin := time.Now()
	for _, n := range all {
		if err := b.one(n, n == nearest); err != nil {
			return err
		}
	}
	b.growth()
	fmt.Printf("\nThis took %v.\n", time.Since(begin).Round(time.Second))
	return nil
}

// distance is how far a size is from the one that edits are measured at.
func distance(n int) int { return max(n-10_000, 10_000-n) }

// A bench measures repositories of several sizes.
type bench struct {
	work     string
	times    int
	runs     int // of yq
	salve    string
	yq       string
	renovate string

	dir  string
	read run // to read all bytes of dir
	rows []string
}

// build builds the commands that are measured.
func (b *bench) build() error {
	work, err := filepath.Abs(b.work)
	if err != nil {
		return err
	}
	b.work, b.salve, b.yq = work, filepath.Join(work, "salve"), filepath.Join(work, "yq")
	for _, args := range [][]string{
		{"build", "-C", "../../..", "-o", b.salve, "./cmd/salve"},
		{"build", "-C", "yq", "-o", b.yq, "github.com/mikefarah/yq/v4"},
	} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// one measures a repository of n files.
func (b *bench) one(n int, edits bool) error {
	b.dir = filepath.Join(b.work, fmt.Sprintf("repo-%d", n))
	if err := os.RemoveAll(b.dir); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	g, err := grow(b.dir, n)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d files, %.1f MB\n\n", g.Files, float64(g.Bytes)/1e6)
	fmt.Println("| what | CPU | memory | × reading | aim |")
	fmt.Println("|---|---:|---:|---:|---:|")
	if err := b.stock(g, edits); err != nil || !edits {
		return err
	}
	fmt.Println("\n| per 1,000 edits, each in another file | CPU | of the naive way | files with more than the one line changed |")
	fmt.Println("|---|---:|---:|---:|")
	if err := b.edits(g.YAML, "limits.memory in YAML", "splice", "kubeedit", "inventory", "kyaml", "goccy", "yq"); err != nil {
		return err
	}
	return b.edits(g.HCL, "samples in HCL", "hcl", "tfedit", "inventory", "hclwrite")
}

// stock measures reading, listing and finding.
func (b *bench) stock(g grown, peers bool) error {
	some := g.YAML[len(g.YAML)/2]
	name := fmt.Sprintf("%s %s/%s", some.Kind, some.Namespace, some.Name)
	b.read = run{}
	var err error
	b.read, err = b.row("read all bytes (find, xargs, cat)", "", "sh", "-c", `find "$0" -type f -print0 | xargs -0 cat > "$0.all"; rm "$0.all"`, b.dir)
	if err != nil {
		return err
	}
	full, err := b.row("salve inventory, as JSON", "10", b.salve, "inventory", b.dir, "--format", "json")
	if err != nil {
		return err
	}
	b.rows = append(b.rows, fmt.Sprintf("| %d | %s | %d µs | %d MiB |", g.Files, seconds(full.CPU), full.CPU.Microseconds()/int64(g.Files), full.Memory>>20))
	if _, err := b.row("salve inventory --find", "2.5", b.salve, "inventory", b.dir, "--find", name); err != nil {
		return err
	}
	if _, err := b.row("salve edit k8s", "", b.salve, "edit", "k8s", "--repo", b.dir, "--kind", some.Kind, "--namespace", some.Namespace,
		"--name", some.Name, "--container", some.Container, "--field", "resources.limits.memory", "--set", newLimit); err != nil {
		return err
	}
	if peers && b.renovate != "" {
		r, err := b.byRenovate()
		if err != nil {
			return err
		}
		b.print(fmt.Sprintf("Renovate, extraction (%.0f × salve inventory)", ratio(r.CPU, full.CPU)), "", r)
	}
	mixed := slices.Concat(g.YAML[:min(most*7/10, len(g.YAML))], g.HCL[:min(most*3/10, len(g.HCL))])
	targets, err := b.save(mixed)
	if err != nil {
		return err
	}
	again, err := b.task("again", b.dir, targets)
	if err != nil {
		return err
	}
	b.print(fmt.Sprintf("inventory again in the same process, %d files changed: %.1f %% of the first", changed, 100*ratio(again.CPU, again.First)), "5 %", again)
	return nil
}

// byRenovate runs the extraction of Renovate once, over Terraform and all
// manifests, as it does without a platform: in a repository of git.
func (b *bench) byRenovate() (run, error) {
	defer os.RemoveAll(filepath.Join(b.dir, ".git"))
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-q", "-m", "grown"}} {
		if out, err := exec.Command("git", append([]string{"-C", b.dir}, args...)...).CombinedOutput(); err != nil {
			return run{}, fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
	}
	return measure(1, "sh", "-c", `cd "$0" && LOG_LEVEL=fatal RENOVATE_CONFIG='{"kubernetes":{"fileMatch":["\\.ya?ml$"]}}' exec `+b.renovate+
		` --platform=local --dry-run=extract --onboarding=false --require-config=ignored`, b.dir)
}

// growth prints how an inventory grows.
func (b *bench) growth() {
	fmt.Println("\n| files | salve inventory, CPU | per file | memory |")
	fmt.Println("|---:|---:|---:|---:|")
	for _, r := range b.rows {
		fmt.Println(r)
	}
}

// row measures one command and prints it.
func (b *bench) row(what, aim string, command ...string) (run, error) {
	r, err := measure(b.times, command...)
	if err == nil {
		b.print(what, aim, r)
	}
	return r, err
}

func (b *bench) print(what, aim string, r run) {
	fmt.Printf("| %s | %s | %d MiB | %.1f | %s |\n", what, seconds(r.CPU), r.Memory>>20, ratio(r.CPU, b.read.CPU), aim)
}

// ratio is a:b, 1 if there is no b yet.
func ratio(a, b time.Duration) float64 {
	if b == 0 {
		return 1
	}
	return a.Seconds() / b.Seconds()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// save writes targets where tasks find them.
func (b *bench) save(targets []target) (string, error) {
	text, err := json.Marshal(targets)
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.work, "targets.json")
	return file, os.WriteFile(file, text, 0o644)
}

// task runs a task in processes of its own and returns what it says it took.
func (b *bench) task(name, out, targets string) (run, error) {
	command, err := self(name, b.dir, out, targets)
	if err != nil {
		return run{}, err
	}
	r, err := measure(b.times, command...)
	if err != nil {
		return r, err
	}
	var t took
	if err := json.Unmarshal(r.Out, &t); err != nil {
		return r, err
	}
	r.Wall, r.CPU, r.First = t.Wall, t.CPU, t.First
	return r, nil
}

// most is how many edits are made.
const most = 1000

// edits measures the same edits by several editors.
func (b *bench) edits(all []target, what string, names ...string) error {
	all = all[:min(most, len(all))]
	targets, err := b.save(all)
	if err != nil {
		return err
	}
	var first time.Duration
	for _, name := range names {
		out := filepath.Join(b.work, "out")
		if err := os.RemoveAll(out); err != nil {
			return err
		}
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		var r run
		done := all
		if name == "yq" {
			done = all[:min(b.runs, len(all))]
			r, err = b.byYQ(out, done)
		} else {
			r, err = b.task(name, out, targets)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", labels[name], err)
		}
		per := r.CPU * most / time.Duration(len(done))
		if first == 0 {
			first = per
		}
		bad, err := b.damaged(out, done)
		if err != nil {
			return err
		}
		fmt.Printf("| %s: %s | %s | %.2f | %d of %d |\n", what, labels[name], seconds(per), ratio(per, first), bad, len(done))
	}
	return nil
}

// labels say what an editor is.
var labels = map[string]string{
	"kubeedit":  "salve, by file, each proven",
	"tfedit":    "salve, by address and file, each proven",
	"inventory": "salve, in the open repository, one proven change",
	"splice":    "yaml.v3 parse and splice, not proven",
	"kyaml":     "kyaml 0.21.1",
	"goccy":     "goccy 1.19.2",
	"yq":        "yq 4.53.4, one process each",
	"hcl":       "hclsyntax parse and splice, not proven",
	"hclwrite":  "hclwrite 2.25.0",
}

// byYQ runs yq once for each target.
func (b *bench) byYQ(out string, targets []target) (run, error) {
	var all run
	for _, t := range targets {
		r, err := once(b.yq, fmt.Sprintf(`(select(.kind == %q and .metadata.name == %q) | .spec.template.spec.containers[0].resources.limits.memory) = %q`,
			t.Kind, t.Name, newLimit), filepath.Join(b.dir, filepath.FromSlash(t.File)))
		if err != nil {
			return all, err
		}
		if err := (result{t.File: r.Out}).write(out); err != nil {
			return all, err
		}
		all.Wall, all.CPU = all.Wall+r.Wall, all.CPU+r.CPU
		all.Memory = max(all.Memory, r.Memory)
	}
	return all, nil
}

// damaged counts the files of which not exactly one line changed.
func (b *bench) damaged(out string, targets []target) (int, error) {
	n := 0
	for _, t := range targets {
		was, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(t.File)))
		if err != nil {
			return 0, err
		}
		is, err := os.ReadFile(filepath.Join(out, flat(t.File)))
		if err != nil {
			return 0, err
		}
		if lines(was, is) != 1 {
			n++
		}
	}
	return n, nil
}

// lines counts the lines that differ, -1 if there are more or fewer of them.
func lines(a, b []byte) int {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	if len(x) != len(y) {
		return -1
	}
	n := 0
	for i := range x {
		if !bytes.Equal(x[i], y[i]) {
			n++
		}
	}
	return n
}
