package archtest

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// lastAttack is the highest number of the list.
const lastAttack = 72

var (
	attackLine = regexp.MustCompile(`^attack ([0-9]+): [^|]+ \| (.+)$`)
	attackTest = regexp.MustCompile(`^((?:internal|cmd)/[a-z/]+) (?:([Tt]est[A-Za-z0-9]+)|(testdata/[a-z-]+\.txtar))$`)
)

// Every attack of testdata/attacks.txt is there once, and the tests that it
// names exist: whoever removes one says what tries the attack instead.
func TestEveryAttackHasATest(t *testing.T) {
	f, err := os.Open("testdata/attacks.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	next := 1
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := attackLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("line %q: want attack N: what | package test, …", line)
		}
		if n, _ := strconv.Atoi(m[1]); n != next {
			t.Errorf("attack %s follows on %d", m[1], next-1)
		}
		next++
		for named := range strings.SplitSeq(m[2], ", ") {
			w := attackTest.FindStringSubmatch(named)
			if w == nil {
				t.Errorf("attack %s: %q is no test: want a package and a function, or a file of its testdata", m[1], named)
				continue
			}
			if dir := filepath.Join("../..", w[1]); !exists(dir, w[3]) || w[2] != "" && !declares(t, dir, w[2]) {
				t.Errorf("attack %s: there is no %s", m[1], named)
			}
		}
	}
	if next != lastAttack+1 {
		t.Errorf("the list ends at %d, want %d", next-1, lastAttack)
	}
}

func exists(dir, file string) bool {
	_, err := os.Stat(filepath.Join(dir, file))
	return err == nil
}

// declares reports whether a test file of dir has the function.
func declares(t *testing.T, dir, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}
