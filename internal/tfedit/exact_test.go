package tfedit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExact sets a.b.max to 12 in the files of testdata/exact, byte for byte:
// txtar would add a final newline and lose what else is odd about them.
func TestExact(t *testing.T) {
	wants, err := filepath.Glob("testdata/exact/*.want")
	if err != nil || len(wants) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range wants {
		name = strings.TrimSuffix(name, ".want")
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(name + ".want")
			if err != nil {
				t.Fatal(err)
			}
			file := "main.tf"
			if strings.HasSuffix(name, ".json") {
				file = "main.tf.json"
			}
			r := texts{file: string(src)}.open(t)
			tt := Target{Address: "a.b.max"}
			c, err := r.Set(t.Context(), tt, "12")
			if err != nil {
				t.Fatal(err)
			}
			if got := string(c.Files[0].After); got != string(want) {
				t.Errorf("have\n%q\nwant\n%q", got, want)
			}
			undo(t, r, tt, c)
		})
	}
}

func TestAppend(t *testing.T) {
	const policy = "resource \"aws_autoscaling_policy\" \"web\" {\n  name   = \"cpu\"\n  target = 60\n}\n"
	for _, tt := range []struct {
		name         string
		file, before string
		blocks       string
		want         string // the text, or the refusal
	}{
		{"below", "main.tf", "locals {\n  a = 1\n}\n", policy, "locals {\n  a = 1\n}\n\n" + policy},
		{"new file", "policy.tf", "", policy, policy},
		{"no final newline", "main.tf", "locals {}", policy, "locals {}\n\n" + policy},
		{"CRLF", "main.tf", "locals {}\r\n", policy, "locals {}\r\n\r\n" + strings.ReplaceAll(policy, "\n", "\r\n")},
		{"blank line there", "main.tf", "locals {}\n\n", policy, "locals {}\n\n" + policy},
		{"formatted as the file is", "main.tf", "locals {}\n", "resource \"a\" \"b\" {\nx=1\nlong = 2\n}", "locals {}\n\nresource \"a\" \"b\" {\n  x    = 1\n  long = 2\n}\n"},
		{"formatted where the file is not", "main.tf", "locals { a=1 }\n", "x {\na=1\n}", "locals { a=1 }\n\nx {\n  a = 1\n}\n"},
		{"taken", "main.tf", policy, policy, "main.tf:1:1: aws_autoscaling_policy.web is defined already"},
		{"no block", "main.tf", "", "a = 1\n", "main.tf: text to add: want blocks and nothing else"},
		{"no HCL", "main.tf", "", "a {", "main.tf: text to add: line 1: Unclosed configuration block"},
		{"no .tf file", "main.tf.json", "", policy, "main.tf.json: blocks go into .tf files"},
		{"outside", "../main.tf", "", policy, "../main.tf: path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := texts{}
			if tt.before != "" {
				files[tt.file] = tt.before
			}
			c, err := files.open(t).Append(t.Context(), tt.file, tt.blocks)
			if err != nil {
				if !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("refused: %v, want %s", err, tt.want)
				}
				return
			}
			if got := string(c.Files[0].After); got != tt.want {
				t.Errorf("have\n%q\nwant\n%q", got, tt.want)
			}
			if (tt.before == "") != c.Files[0].New() {
				t.Errorf("change is new: %v", c.Files[0].New())
			}
		})
	}
}
