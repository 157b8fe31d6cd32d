package dynatracetest

import (
	"slices"
	"time"

	"github.com/salvehq/salve/internal/dql"
	"github.com/salvehq/salve/internal/dql/eval"
)

// Default limits of Grail.
// https://docs.dynatrace.com/docs/discover-dynatrace/platform/grail/dynatrace-query-language/dql-best-practices
const (
	defaultRecords = 1000
	defaultScanGB  = 500
)

// A plan is a request that was understood.
type plan struct {
	query     dql.Query
	canonical string
	source    eval.Source
	token     Token
	open      bool // to any table: verify needs no scope
	location  *time.Location
	locale    string
	records   int // most rows of the answer
	capped    bool
	bytes     int64   // most bytes of rows; 0 for no limit
	scan      float64 // most bytes to read; 0 for no limit
	sampling  int64
	types     bool
	blind     bool // the token lacks the bucket permission
	fault     Fault
}

// limits reads the limits of a request.
func (p *plan) limits(req request) *problem {
	p.records, p.scan, p.sampling = defaultRecords, defaultScanGB*1e9, 1
	if req.MaxRecords != nil {
		if p.records, p.capped = *req.MaxRecords, true; p.records < 1 {
			return invalid("maxResultRecords", "PAYLOAD_BODY", "must be greater than or equal to 1")
		}
	}
	if req.MaxBytes != nil {
		if p.bytes = *req.MaxBytes; p.bytes < 1 {
			return invalid("maxResultBytes", "PAYLOAD_BODY", "must be greater than or equal to 1")
		}
	}
	if req.ScanLimit != nil {
		p.scan = max(*req.ScanLimit, 0) * 1e9 // -1 is no limit
	}
	if req.Sampling != nil {
		if p.sampling = *req.Sampling; !slices.Contains([]int64{1, 10, 100, 1000, 10000, 100000}, p.sampling) {
			return invalid("defaultSamplingRatio", "PAYLOAD_BODY", "must be a power of ten up to 100000")
		}
	}
	if req.Wait != nil && *req.Wait < 0 {
		return invalid("requestTimeoutMilliseconds", "PAYLOAD_BODY", "must be greater than or equal to 0")
	}
	p.types = req.Types == nil || *req.Types
	return nil
}

// frame reads the timeframe and the time zone of a request. A lone end of a
// timeframe is ignored.
func (p *plan) frame(req request) *problem {
	var err error
	if p.location, err = time.LoadLocation(req.Timezone); err != nil || req.Timezone == "Local" {
		return invalid("timezone", "PAYLOAD_BODY", "is not a time zone")
	}
	if req.From == "" || req.To == "" {
		return nil
	}
	from, err := time.Parse(time.RFC3339Nano, req.From)
	if err != nil {
		return invalid("defaultTimeframeStart", "PAYLOAD_BODY", "is not a timestamp")
	}
	to, err := time.Parse(time.RFC3339Nano, req.To)
	if err != nil {
		return invalid("defaultTimeframeEnd", "PAYLOAD_BODY", "is not a timestamp")
	}
	p.query.From, p.query.To = from, to
	return nil
}
