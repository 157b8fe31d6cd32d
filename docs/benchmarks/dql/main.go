// Command dql-benchmark compares salve query with DuckDB and jq on recorded
// problem updates: whole processes, reading the JSON lines included.
//
//	go run . gen 1000000 > problems.jsonl    write updates, the same for each run
//	go run . run ./salve problems.jsonl      measure, and print a table
//	go run . duckdb problems.jsonl QUERY     what run starts for DuckDB
package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dql-benchmark:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "gen":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return generate(os.Stdout, n)
	case len(args) == 3 && args[0] == "duckdb":
		return duckdb(args[1], args[2])
	case len(args) == 3 && args[0] == "run":
		return compare(args[1], args[2])
	}
	return fmt.Errorf("want gen N, run SALVE FILE or duckdb FILE QUERY")
}

// generate writes n updates of about n/5 problems in February 2026, 1.1 kB
// each.
func generate(out io.Writer, n int) error {
	r := rand.New(rand.NewPCG(1, 2))
	w := bufio.NewWriterSize(out, 1<<20)
	base := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	pad := strings.Repeat("lorem ipsum dolor sit amet ", 14)
	categories := []string{"AVAILABILITY", "ERROR", "SLOWDOWN", "RESOURCE_CONTENTION", "CUSTOM_ALERT"}
	kinds := []string{"host", "service", "cloud_application", "process_group_instance"}
	const stamp = "2006-01-02T15:04:05.000000000Z"
	for range n {
		p := r.IntN(n/5 + 1)
		start := base.Add(time.Duration(p%40000) * time.Minute)
		update := start.Add(time.Duration(r.IntN(300)) * 6 * time.Second)
		status, end, length := "ACTIVE", "", ""
		if r.IntN(2) == 0 {
			status = "CLOSED"
			end = fmt.Sprintf(`"event.end":"%s",`, update.Format(stamp))
			length = fmt.Sprintf(`"resolved_problem_duration":"%d",`, update.Sub(start))
		}
		fmt.Fprintf(w, `{"event.id":"%d_%dV2",%s"timestamp":"%s","display_id":"P-%d","event.kind":"DAVIS_PROBLEM","event.name":"Problem %d",`+
			`"entity_tags":["HealthCheck:Yes"],"event.start":"%s","event.status":"%s","event.category":"%s","event.severity":"%d",`+
			`"event.description":"# Problem\n\n%s","dt.davis.event_ids":["%d_1","%d_2"],"affected_entity_ids":["ENTITY-%016X"],`+
			`"affected_entity_names":["entity %d"],"dt.davis.mute.status":"NOT_MUTED","affected_entity_types":["dt.entity.%s"],`+
			`"root_cause_entity_id":"ENTITY-%016X","dt.davis.is_duplicate":%t,"event.status_transition":"UPDATED",%s`+
			`"labels.alerting_profile":["Default"],"dt.davis.is_frequent_event":false,"maintenance.is_under_maintenance":false}`+"\n",
			p, start.UnixMilli(), end, update.Format(stamp), p, p%200, start.Format(stamp), status, categories[p%5], p%5+1,
			pad, p, p, p%1000, p%1000, kinds[p%4], p%1000, p%41 == 0, length)
	}
	return w.Flush()
}

// now is the end of the recording.
const now = "2026-03-01T00:00:00Z"

// duckdb runs queries/NAME.sql over a file.
func duckdb(file, name string) error {
	text, err := os.ReadFile(filepath.Join("queries", name+".sql"))
	if err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(strings.ReplaceAll(string(text), "FILE", "'"+strings.ReplaceAll(file, "'", "''")+"'"))
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	fmt.Println(n, "rows")
	return rows.Err()
}

// compare runs each query with each program, three times, and prints the best.
func compare(salve, file string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println("| query | program | seconds | CPU seconds | peak MB |\n| --- | --- | ---: | ---: | ---: |")
	for _, q := range []string{"updates", "alert-rules", "remediation", "error-budget"} {
		programs := []struct {
			name string
			argv []string
		}{
			{"salve", []string{salve, "query", "--file", "queries/" + q + ".dql", "--records", file, "--now", now, "--format", "json"}},
			{"DuckDB", []string{self, "duckdb", file, q}},
			{"jq", []string{"jq", "-n", "-f", "queries/" + q + ".jq", file}},
		}
		for _, p := range programs {
			if _, err := os.Stat("queries/" + q + ".jq"); p.name == "jq" && err != nil {
				continue
			}
			times := 5
			if p.name == "jq" {
				times = 1
			}
			if err := best(q, p.name, p.argv, times); err != nil {
				return fmt.Errorf("%s: %s: %w", q, p.name, err)
			}
		}
	}
	return nil
}

func best(query, name string, argv []string, times int) error {
	fastest, cpu, peak := time.Duration(1<<62), time.Duration(1<<62), int64(0)
	for range times {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stderr = os.Stderr
		begun := time.Now()
		if err := cmd.Run(); err != nil {
			return err
		}
		fastest = min(fastest, time.Since(begun))
		cpu = min(cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, usage.Maxrss/1024)
		}
	}
	fmt.Printf("| %s | %s | %.2f | %.2f | %d |\n", query, name, fastest.Seconds(), cpu.Seconds(), peak)
	return nil
}
