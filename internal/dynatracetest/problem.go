package dynatracetest

import (
	"encoding/json"
	"net/http"
)

// A problem is the body of an error of the query API.
type problem struct {
	Code       int     `json:"code"`
	Message    string  `json:"message"` // the error code where Grail has one: "UNKNOWN_COMMAND"
	RetryAfter int     `json:"retryAfterSeconds,omitempty"`
	Details    details `json:"details"`
}

// Error returns the message, so that a problem can be returned as an error.
func (p *problem) Error() string { return p.Message }

type details struct {
	ExceptionType string      `json:"exceptionType,omitempty"`
	ErrorType     string      `json:"errorType,omitempty"`
	ErrorMessage  string      `json:"errorMessage,omitempty"`
	Format        string      `json:"errorMessageFormat,omitempty"`
	Arguments     []string    `json:"arguments,omitempty"`
	Query         string      `json:"queryString,omitempty"`
	Position      *span       `json:"syntaxErrorPosition,omitempty"`
	Permissions   []string    `json:"missingPermissions,omitempty"`
	Scopes        []string    `json:"missingScopes,omitempty"`
	Violations    []violation `json:"constraintViolations,omitempty"`
	TraceID       string      `json:"traceId,omitempty"`
}

type span struct {
	Start place `json:"start"`
	End   place `json:"end"`
}

type place struct {
	Column int `json:"column"` // from 1
	Index  int `json:"index"`  // from 0; that of an end is the last character's
	Line   int `json:"line"`   // from 1
}

type violation struct {
	Message  string `json:"message"`
	Path     string `json:"path"`
	Location string `json:"parameterLocation"`
}

// problems is what Grail says with a status when it is asked to fail.
var problems = map[int]problem{
	http.StatusBadRequest: {Message: "PARSE_ERROR", Details: details{
		ExceptionType: "DQL-ERROR-PARSING", ErrorType: "PARSE_ERROR", ErrorMessage: "`fault` isn't allowed here."}},
	http.StatusUnauthorized: {Message: "Platform token has invalid format."},
	http.StatusForbidden: {Message: "NOT_AUTHORIZED_FOR_TABLE", Details: details{
		ExceptionType: "DQL-NOT-AUTHORIZED", ErrorType: "NOT_AUTHORIZED_FOR_TABLE", ErrorMessage: "You are not authorized to read the table.",
		Scopes: []string{"storage:events:read"}}},
	http.StatusGone: {Message: "QUERY_GONE", Details: details{
		ExceptionType: "GONE", ErrorType: "QUERY_GONE", ErrorMessage: "The query for this query ID is not available anymore."}},
	http.StatusTooManyRequests:    {Message: "Maximum number of concurrent queries per tenant reached."},
	http.StatusServiceUnavailable: {Message: "The service is temporarily unavailable."},
}

// gone is the answer to a request token that is unknown or used.
func gone() *problem {
	p := problems[http.StatusGone]
	p.Code = http.StatusGone
	return &p
}

// invalid is the answer to a request that breaks a rule of the API itself.
func invalid(path, location, message string) *problem {
	return &problem{
		Code: http.StatusBadRequest, Message: "Constraints violated.",
		Details: details{Violations: []violation{{message, path, location}}},
	}
}

// write answers with p.
func (p problem) write(w http.ResponseWriter) {
	p.Details.TraceID = "0af7651916cd43dd8448eb211c80319c"
	reply(w, p.Code, map[string]problem{"error": p})
}

// reply answers with v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body)
}
