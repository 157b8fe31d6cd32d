package dynatrace

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/salvehq/salve/internal/dql"
)

// An answer is the body of query:execute and query:poll.
type answer struct {
	State  string `json:"state"`
	Token  string `json:"requestToken"`
	Result *struct {
		Records  json.RawMessage `json:"records"` // null for zero rows
		Types    json.RawMessage `json:"types"`
		Metadata struct {
			Grail grail `json:"grail"`
		} `json:"metadata"`
	} `json:"result"`
}

type grail struct {
	Scanned       *number        `json:"scannedRecords"` // seen as "1" and as 1
	Sampled       bool           `json:"sampled"`
	Notifications []notification `json:"notifications"`
}

type notification struct {
	Severity string `json:"severity"`
	Type     string `json:"notificationType"`
	Message  string `json:"message"`
}

// The states of a query that is not over. A busy tenant queues: NOT_STARTED is
// as normal as RUNNING.
const (
	notStarted = "NOT_STARTED"
	running    = "RUNNING"
	succeeded  = "SUCCEEDED"
)

// pending reports whether Grail is still at work.
func (a answer) pending() bool { return a.State == notStarted || a.State == running }

// result turns the answer of a query into records and their quality.
func (c *Client) result(a answer) (dql.Result, error) {
	records, err := decode(a.Result.Records, a.Result.Types)
	if err != nil {
		return dql.Result{}, c.broken(err)
	}
	res := dql.Result{Records: records, Quality: dql.OK}
	meta := a.Result.Metadata.Grail
	for _, n := range meta.Notifications {
		n = notification{clean(n.Severity), clean(n.Type), clean(n.Message)}
		if !c.harmless(n) {
			res.Quality = dql.Partial
		}
		res.Notices = append(res.Notices, dql.Notice(n))
	}
	if meta.Sampled {
		cut(&res, "SAMPLING_APPLIED", "the answer is a sample")
	}
	if len(records) >= c.cfg.MaxRecords {
		cut(&res, "RESULT_LIMIT_RECORDS", fmt.Sprintf("%d records, as many as were asked for: there may be more", len(records)))
	}
	return res, nil
}

// cut marks res as partial and says why.
func cut(res *dql.Result, kind, why string) {
	res.Quality = dql.Partial
	res.Notices = append(res.Notices, dql.Notice{Severity: "WARNING", Type: kind, Message: why})
}

// incomplete lists the notifications that say that rows are missing, whatever
// their severity. https://github.com/dynatrace-oss/dtctl reads them so too.
var incomplete = []string{
	"API_RECORDS_LIMIT_ADDED", "RESULT_LIMIT_RECORDS", "RESULT_LIMIT_BYTES", "SCAN_LIMIT_GBYTES",
	"FETCH_TIMEOUT", "SAMPLING_APPLIED", "QUERY_CONSUMPTION_LIMIT",
}

// harmless reports whether n leaves an answer complete. A warning that we do
// not know does not: MISSING_BUCKET_PERMISSIONS comes with SUCCEEDED and zero
// rows (https://github.com/kedacore/keda/issues/8210).
func (c *Client) harmless(n notification) bool {
	switch {
	case slices.Contains(c.cfg.Harmless, n.Type):
		return true
	case slices.Contains(incomplete, n.Type) || strings.Contains(n.Type, "PERMISSION"):
		return false
	}
	return n.Severity == "INFO" || n.Type == "LIMIT_ADDED"
}

// sawNothing reports whether nothing in an answer shows that any record could
// be seen: it has no rows, or its rows were made of none, such as a count of
// zero.
func sawNothing(a answer, res dql.Result) bool {
	scanned := a.Result.Metadata.Grail.Scanned
	return len(res.Records) == 0 || scanned != nil && *scanned == 0
}
