package githubtest

import (
	"fmt"
	"net/http"
)

// A failure is an answer that is not a success.
type failure struct {
	status  int
	message string
	errors  []any // of a 422: objects, or texts
	url     string
	header  http.Header
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s %v", f.status, f.message, f.errors) }

func (f *failure) body() object {
	b := object{"message": f.message, "documentation_url": "https://docs.github.com/rest", "status": fmt.Sprint(f.status)}
	if f.errors != nil {
		b["errors"] = f.errors
	}
	if f.url != "" {
		b["url"] = f.url
	}
	return b
}

func fail(status int, format string, args ...any) error {
	return &failure{status: status, message: fmt.Sprintf(format, args...)}
}

// notFound is also the answer for what the caller may not know of.
func notFound() error { return fail(http.StatusNotFound, "Not Found") }

// forbidden is the answer for a permission that the App does not have.
func forbidden() error { return fail(http.StatusForbidden, "Resource not accessible by integration") }

// unprocessable is a 422 of git data and rules, which carries its reason in
// the message.
func unprocessable(format string, args ...any) error {
	return fail(http.StatusUnprocessableEntity, format, args...)
}

// missing is a 422 for a parameter that was not sent.
func missing(name string) error {
	return unprocessable("Invalid request.\n\n%q wasn't supplied.", name)
}

// invalid is a 422 with an entry in errors, whose code is missing,
// missing_field, invalid, already_exists or custom.
// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
func invalid(resource, field, code, message string) error {
	e := object{"resource": resource, "code": code}
	if field != "" {
		e["field"] = field
	}
	if message != "" {
		e["message"] = message
	}
	return &failure{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{e}}
}

// maxText is the number of characters in a body of an issue, a pull request or
// a comment.
const maxText = 65536

// checkText refuses a text that is too long.
func checkText(resource, field, text string, limit int) error {
	if len([]rune(text)) > limit {
		return invalid(resource, field, "custom", fmt.Sprintf("%s is too long (maximum is %d characters)", field, limit))
	}
	return nil
}
