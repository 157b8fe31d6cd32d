package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/salvehq/salve/testdata"
)

// seed makes every grown repository the same on every machine.
const seed = 20260301

// maxCopies is how often a grown manifest or file of detectors holds its seed at
// most, so that it is as large as such files are on average: 2 and 4.5 kB.
const maxCopies = 6

// A target is a value that the edits change: a limit of the first container of
// a workload, or an attribute of a Terraform resource.
type target struct {
	File      string // from the root of the repository
	Kind      string // of the workload; empty for Terraform
	Namespace string
	Name      string
	Container string
	Address   string // in Terraform
}

// A grown is what [grow] made.
type grown struct {
	Files int
	Bytes int64
	YAML  []target
	HCL   []target
}

// renamed are the names in the seed that differ in each copy of it.
var renamed = []string{"checkout", "frontend", "search", "payments"}

// container is the first container of each seed that has a limit to change.
var container = map[string][2]string{
	"checkout": {"Deployment", "app"}, "frontend": {"Deployment", "nginx"}, "search": {"StatefulSet", "engine"},
}

// grow writes copies of the demo's repositories to dir, one for each of as many
// teams as it takes to have the number of files. Manifests hold several services
// each, and files of detectors several detectors, as they do in practice.
func grow(dir string, files int) (grown, error) {
	var out grown
	random := rand.New(rand.NewPCG(seed, uint64(files)))
	for team := 0; out.Files < files; team++ {
		err := fs.WalkDir(testdata.FS, "demo/repos/acme", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !source(name) || out.Files == files {
				return err
			}
			text, err := testdata.FS.ReadFile(name)
			if err != nil {
				return err
			}
			return out.add(dir, name, text, team, 1+random.IntN(maxCopies))
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// source reports whether a file is YAML or HCL that something is deployed from.
func source(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".tf", ".tfvars":
		return !strings.Contains(name, "/.github/")
	}
	return false
}

// add writes one grown file.
func (g *grown) add(dir, name string, text []byte, team, copies int) error {
	to := fmt.Sprintf("team-%05d/%s", team, strings.TrimPrefix(name, "demo/repos/acme/"))
	alerts := path.Base(to) == "alerts.tf"
	if !alerts && (!strings.Contains(to, "/shop/k8s/") || path.Base(to) == "namespace.yaml") {
		copies = 1
	}
	stem := strings.TrimSuffix(path.Base(to), ".yaml")
	var b bytes.Buffer
	for c := range copies {
		switch suffix := suffix(team, c); {
		case alerts:
			named := bytes.ReplaceAll(text, []byte(alert+"\""), []byte(alert+suffix+"\""))
			b.Write(bytes.ReplaceAll(named, []byte("queue_depth\""), []byte("queue_depth"+suffix+"\"")))
		case path.Ext(to) == ".yaml":
			if c > 0 {
				b.WriteString("---\n")
			}
			b.Write(rename(text, suffix))
		default:
			b.Write(text)
		}
	}
	last := suffix(team, copies-1)
	switch what := container[stem]; {
	case alerts:
		g.HCL = append(g.HCL, target{File: to, Name: alert + last, Address: "dynatrace_metric_events." + alert + last + ".model_properties.samples"})
	case what[0] != "":
		g.YAML = append(g.YAML, target{File: to, Kind: what[0], Namespace: "shop", Name: stem + last, Container: what[1]})
	}
	g.Files, g.Bytes = g.Files+1, g.Bytes+int64(b.Len())
	file := filepath.Join(dir, filepath.FromSlash(to))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// alert is the detector of the seed whose samples the edits change.
const alert = "checkout_latency"

func suffix(team, number int) string { return fmt.Sprintf("-%05d-%d", team, number) }

// rename gives the workloads of a manifest names that no other copy has.
func rename(text []byte, suffix string) []byte {
	for _, name := range renamed {
		text = bytes.ReplaceAll(text, []byte("name: "+name+"\n"), []byte("name: "+name+suffix+"\n"))
		text = bytes.ReplaceAll(text, []byte("name: "+name+"\r\n"), []byte("name: "+name+suffix+"\r\n"))
	}
	return text
}
