package catalog

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/templates"
)

func load(t *testing.T, overrides ...fs.FS) *Catalog {
	t.Helper()
	c, err := Default(overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *Catalog, name string) Entry {
	t.Helper()
	e, err := c.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// names are the nine queries of the document; what else there is, is evidence.
var names = []string{
	AlertRuleOptimization, AutoEscalation, CanaryAnalysis, DeploymentRiskAssessment, ErrorBudget,
	InfrastructureRemediation, PostDeploymentHealthGate, PreDeploymentProblemCheck, ProblemToRunbookMapping,
}

func TestDefaultHoldsTheNineQueries(t *testing.T) {
	var got []string
	want := slices.Sorted(slices.Values(append(slices.Clone(names), ContainerUsage)))
	for _, e := range load(t).All() {
		got = append(got, e.Name)
		if e.Doc == "" {
			t.Errorf("%s: no documentation", e.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The document names these columns and words; programs act on them.
func TestDocumentComesFirst(t *testing.T) {
	c := load(t)
	for _, tt := range []struct{ name, columns, words string }{
		{PreDeploymentProblemCheck, "display_id event.name problem.severity affected_entity.name deployment_risk", "BLOCK WARN PROCEED"},
		{PostDeploymentHealthGate, "affected_entity.name new_problems critical_problems health_status", "FAILED DEGRADED HEALTHY"},
		{CanaryAnalysis, "event.name canary_problems stable_problems promotion_decision", "ROLLBACK PROMOTE"},
		{ProblemToRunbookMapping, "display_id event.name affected_entity.type root_cause_entity.id problem.severity runbook_type automation_action",
			"page_executives auto_rollback create_incident"},
		{AutoEscalation, "display_id event.name problem.severity first_seen latest_update duration_minutes escalation_level action_required",
			"business_continuity_plan war_room standard_response"},
		{ErrorBudget, "affected_entity.name total_weekly_problems daily_problems critical_problems error_budget_consumed slo_status",
			"EXHAUSTED WARNING HEALTHY"},
		{DeploymentRiskAssessment, "affected_entity.name problem_frequency avg_severity_score deployment_risk_score deployment_recommendation",
			"HIGH_RISK_BLOCK MODERATE_RISK_MANUAL_APPROVAL LOW_RISK_AUTO_APPROVE"},
		{InfrastructureRemediation, "display_id event.name root_cause_entity.id affected_entity.type problem.severity remediation_type git_action",
			"create_terraform_pr update_k8s_limits create_config_pr"},
		{AlertRuleOptimization, "event.name problem_count avg_duration false_positive_rate optimization_action",
			"increase_threshold add_correlation_rules adjust_sensitivity"},
	} {
		e := get(t, c, tt.name)
		var columns []string
		for _, c := range e.Columns[:strings.Count(tt.columns, " ")+1] {
			columns = append(columns, c.Name)
		}
		if got := strings.Join(columns, " "); got != tt.columns {
			t.Errorf("%s: columns %s, want %s", tt.name, got, tt.columns)
		}
		if got := strings.Join(e.Decision.Words, " "); got != tt.words {
			t.Errorf("%s: words %s, want %s", tt.name, got, tt.words)
		}
	}
}

// There is one mapping from records to severities and one to entities, so all
// files hold the same text of them.
func TestSharedLines(t *testing.T) {
	for _, mark := range []string{severityMark, entitiesMark} {
		first := ""
		for _, e := range nine(t, load(t)) {
			start, end, ok := block(e.Text, mark)
			if !ok || start == end {
				t.Errorf("%s: nothing between // %s and // %s", e.Name, mark, endMark)
				continue
			}
			if first == "" {
				first = e.Text[start:end]
			}
			if diff := cmp.Diff(first, e.Text[start:end]); diff != "" {
				t.Errorf("%s: %s differs (-first +this):\n%s", e.Name, mark, diff)
			}
		}
	}
}

const tiny = `// Tiny.
//
// @param    WHO string somebody
// @column   n long
// @decision word string YES | NO
data record(n = 1, who = "${WHO}")
| fieldsAdd word = if(n > 0, "YES", else: "NO")
| fields n, word
`

func TestLoadRefuses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new string
		want     string
	}{
		{"unknown directive", "@column   n long", "@colum n long", "tiny.dql:4:1: @colum: want @param, @column or @decision"},
		{"no type", "@column   n long", "@column n", "tiny.dql:4:1: @column: want a name and a type"},
		{"unknown type", "n long", "n number", "tiny.dql:4:1: @column n: type number: want one of [boolean long double string timestamp duration array record]"},
		{"unknown parameter type", "WHO string", "WHO text", "tiny.dql:3:1: @param WHO: type text: want one of [string strings long timestamp duration]"},
		{"words of a number", "n long", "n long ONE | TWO", "tiny.dql:4:1: @column n: words are for type string, not long"},
		{"one word twice", "YES | NO", "YES | YES", `tiny.dql:5:1: @column word: "YES | YES": want different words, such as BLOCK | WARN`},
		{"no words", "string YES | NO", "string", "tiny.dql:5:1: @decision word: want the words it may hold: WORD | WORD"},
		{"column twice", "@column   n long", "@column word string", "tiny.dql:5:1: @column word is declared twice"},
		{"no decision", "@decision word string YES | NO", "", "tiny.dql:1:1: no @decision: want the column that programs act on, and its words"},
		{"undeclared placeholder", "@param    WHO string somebody", "", "tiny.dql:1:1: ${WHO} is used and not declared: want // @param WHO TYPE"},
		{"placeholder not used", "${WHO}", "me", "tiny.dql:1:1: the query has no placeholder ${WHO}"},
		{"list inside a string", "WHO string", "WHO strings", "tiny.dql:6:27: ${WHO} is a array, which cannot stand in a string"},
		{"column not given", "fields n, word", "fields word", "tiny.dql:8:3: column n is declared and not given"},
		{"open end", "| fields n, word\n", "", "tiny.dql:7:3: the columns are not certain: end with fields or summarize"},
		{"unknown word", `"NO"`, `"MAYBE"`, `tiny.dql:7:43: column word can be "MAYBE": want one of YES, NO`},
		{"null decision", `, else: "NO"`, ``, "tiny.dql:7:20: column word can be null: give its if an else:"},
		{"does not parse", "| fields n, word", "| fields n,, word", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(tiny, tt.old, tt.new, 1)
			_, err := Load(fstest.MapFS{"tiny.dql": {Data: []byte(text)}})
			if err == nil {
				t.Fatal("loaded")
			}
			if tt.want != "" && err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "tiny.dql:") {
				t.Errorf("%s: want file:line:col", err)
			}
		})
	}
}

func TestLoadRefusesHugeFile(t *testing.T) {
	_, err := Load(fstest.MapFS{"tiny.dql": {Data: make([]byte, maxFile+1)}})
	if want := "tiny.dql: 262145 bytes: want a query of at most 262144"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOverride(t *testing.T) {
	base := fstest.MapFS{"tiny.dql": {Data: []byte(tiny)}}
	text := `data record(n = 2, who = "${WHO}") | fields n, word = "NO"`
	c, err := Load(base, fstest.MapFS{"tiny.dql": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	e := get(t, c, "tiny")
	if e.Text != text || e.Doc != "Tiny." || e.Decision.Column != "word" {
		t.Errorf("override gives %+v", e)
	}
}

func TestOverrideRefuses(t *testing.T) {
	base := fstest.MapFS{"tiny.dql": {Data: []byte(tiny)}}
	for _, tt := range []struct{ name, text, want string }{
		{"missing column", `data record(n = 2, who = "${WHO}") | fields word = "NO"`, "tiny.dql:1:38: column n is declared and not given"},
		{"unknown word", `data record(n = 2, who = "${WHO}") | fields n, word = "PERHAPS"`, `tiny.dql:1:55: column word can be "PERHAPS": want one of YES, NO`},
		{"word through another field", `data record(n = 2, who = "${WHO}") | fieldsAdd w = "OK" | fields n, word = w`, `tiny.dql:1:52: column word can be "OK": want one of YES, NO`},
		{"parameter dropped", `data record(n = 2) | fields n, word = "NO"`, "tiny.dql:1:1: the query has no placeholder ${WHO}"},
		{"own header lacks a column", strings.Replace(strings.Replace(tiny, "// @column   n long\n", "", 1), "fields n, word", "fields word", 1),
			"tiny.dql:1:1: column n long is missing: the query that this one replaces declares it"},
		{"own header adds a word", strings.Replace(tiny, "YES | NO", "YES | NO | HM", 1), "tiny.dql:1:1: column word: want words out of YES | NO"},
		{"own header adds a parameter", strings.Replace(tiny, "// @column   n long", "// @param X long\n// @column n long", 1) + "| filter n < ${X}\n",
			"tiny.dql:1:1: want the parameters of the query that this one replaces, [WHO]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(base, fstest.MapFS{"tiny.dql": {Data: []byte(tt.text)}})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// An operator sees severities differently: one file changes all queries.
func TestOverrideSeverity(t *testing.T) {
	mapping := `| fieldsAdd problem.severity = if(event.category == "ERROR", "CRITICAL", else: "LOW")`
	c := load(t, fstest.MapFS{"severity.dql": {Data: []byte(mapping)}})
	for _, e := range nine(t, c) {
		start, end, ok := block(e.Text, severityMark)
		if !ok || e.Text[start:end] != mapping+"\n" {
			t.Errorf("%s: mapping is %q", e.Name, e.Text[start:end])
		}
	}
	_, err := Default(fstest.MapFS{"severity.dql": {Data: []byte(`| fieldsAdd problem.severity = "SEV1"`)}})
	if err == nil || !strings.Contains(err.Error(), `column problem.severity can be "SEV1"`) || !strings.HasPrefix(err.Error(), "severity.dql in ") {
		t.Errorf("unknown severity: %v", err)
	}
}

func TestQueryChecksParameters(t *testing.T) {
	e := get(t, load(t), PostDeploymentHealthGate)
	at, ids := dql.Time(time.Unix(1, 0)), dql.Strings("SERVICE-1")
	for _, tt := range []struct {
		name   string
		params map[string]dql.Value
		want   string
	}{
		{"fits", map[string]dql.Value{"DEPLOYMENT_TIME": at, "DEPLOYED_ENTITIES": ids}, ""},
		{"missing", map[string]dql.Value{"DEPLOYMENT_TIME": at}, "parameter DEPLOYED_ENTITIES is missing"},
		{"unknown", map[string]dql.Value{"X": at}, "unknown parameter X: want [DEPLOYMENT_TIME DEPLOYED_ENTITIES]"},
		{"wrong type", map[string]dql.Value{"DEPLOYMENT_TIME": dql.String("now"), "DEPLOYED_ENTITIES": ids}, "parameter DEPLOYMENT_TIME: want timestamp, not string"},
		{"empty list", map[string]dql.Value{"DEPLOYMENT_TIME": at, "DEPLOYED_ENTITIES": dql.Array()}, "parameter DEPLOYED_ENTITIES: want 1 to 1000 texts, not 0"},
		{"blank text", map[string]dql.Value{"DEPLOYMENT_TIME": at, "DEPLOYED_ENTITIES": dql.Strings(" ")}, "parameter DEPLOYED_ENTITIES: want 1 to 4096 bytes of text, not 1"},
		{"list of numbers", map[string]dql.Value{"DEPLOYMENT_TIME": at, "DEPLOYED_ENTITIES": dql.Array(dql.Long(1))}, "parameter DEPLOYED_ENTITIES: want string, not long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q, err := e.Query(tt.params)
			if tt.want == "" {
				if err != nil || q.Name != e.Name+".dql" || q.Text != e.Text || len(q.Params) != 2 {
					t.Errorf("Query = %+v, %v", q, err)
				}
				return
			}
			if err == nil || err.Error() != e.Name+": "+tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestParseParam(t *testing.T) {
	for _, tt := range []struct {
		typ  ParamType
		text string
		want dql.Value
	}{
		{TypeString, `a"b`, dql.String(`a"b`)},
		{TypeStrings, "HOST-1, HOST-2", dql.Strings("HOST-1", "HOST-2")},
		{TypeLong, "7", dql.Long(7)},
		{TypeTimestamp, "2026-03-02T10:00:00Z", dql.Time(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))},
		{TypeDuration, "15m", dql.Duration(15 * time.Minute)},
	} {
		got, err := Param{Name: "P", Type: tt.typ}.Parse(tt.text)
		if err != nil || !cmp.Equal(got, tt.want, cmp.AllowUnexported(dql.Value{})) {
			t.Errorf("%s %q: %v, %v", tt.typ, tt.text, got, err)
		}
	}
	for typ, text := range map[ParamType]string{TypeString: "", TypeStrings: "a,,b", TypeLong: "1.5", TypeTimestamp: "yesterday", TypeDuration: "15"} {
		if v, err := (Param{Name: "P", Type: typ}).Parse(text); err == nil {
			t.Errorf("%s %q: %v, want an error", typ, text, v)
		}
	}
}

func TestCheckResult(t *testing.T) {
	c, err := Load(fstest.MapFS{"tiny.dql": {Data: []byte(tiny)}})
	if err != nil {
		t.Fatal(err)
	}
	e := get(t, c, "tiny")
	columns := []string{"n", "word"}
	for _, tt := range []struct {
		name   string
		record dql.Record
		want   string
	}{
		{"good", dql.NewRecord(columns, []dql.Value{dql.Long(1), dql.String("YES")}), ""},
		{"null is a value", dql.NewRecord(columns, []dql.Value{dql.Null, dql.String("NO")}), ""},
		{"missing column", dql.NewRecord(columns[1:], []dql.Value{dql.String("NO")}), "tiny: row 1: no column n"},
		{"other type", dql.NewRecord(columns, []dql.Value{dql.String("1"), dql.String("NO")}), "tiny: row 1: column n is a string: want long"},
		{"unknown word", dql.NewRecord(columns, []dql.Value{dql.Long(1), dql.String("Yes\n")}), `tiny: row 1: column word says "Yes\n": want one of YES, NO`},
		{"null decision", dql.NewRecord(columns, []dql.Value{dql.Long(1), dql.Null}), "tiny: row 1: column word is null: want one of YES, NO"},
	} {
		err := e.Check(dql.Result{Records: []dql.Record{tt.record}})
		if got := errorText(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if err := e.Check(dql.Result{}); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestGetUnknown(t *testing.T) {
	_, err := load(t).Get("nope")
	if err == nil || !strings.Contains(err.Error(), `no query "nope": want one of alert-rule-optimization, `) {
		t.Error(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(tiny)
	paths, err := fs.Glob(templates.FS, "queries/*.dql")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		b, err := fs.ReadFile(templates.FS, p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(fstest.MapFS{"x.dql": {Data: []byte(text)}})
		if err != nil {
			return
		}
		if e, _ := c.Get("x"); e.Decision.Column == "" || len(e.Decision.Words) == 0 {
			t.Errorf("loaded without a decision: %+v", e)
		}
	})
}

// Whoever overrides queries in a directory sees real paths.
func TestLoadFromDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tiny.dql"), []byte(tiny), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(os.DirFS(dir)); err != nil {
		t.Error(err)
	}
}
