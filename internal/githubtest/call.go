package githubtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxRequest is the largest request body that is read.
const maxRequest = 100 << 20

// A call is one request while it is answered.
type call struct {
	*Server
	r      *http.Request
	params map[string]string
	body   []byte
	who    identity
	repo   *repo // of the path, nil if there is none in it
}

// A reply is a successful answer: body as JSON, or raw bytes.
type reply struct {
	status int
	body   any
	raw    []byte
	kind   string // content type of raw
	header http.Header
}

func ok(body any) (reply, error)      { return reply{status: http.StatusOK, body: body}, nil }
func created(body any) (reply, error) { return reply{status: http.StatusCreated, body: body}, nil }
func noContent() (reply, error)       { return reply{status: http.StatusNoContent}, nil }

// decode reads the JSON object of the request into v, and refuses what is not
// one or has a member of the wrong type. Members that v lacks are ignored, as
// GitHub does.
func (c *call) decode(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	err := json.NewDecoder(bytes.NewReader(c.body)).Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field == "":
		return fail(http.StatusBadRequest, "Body should be a JSON object")
	case errors.As(err, &wrong):
		return unprocessable("Invalid request.\n\nFor 'properties/%s', %s is not a %s.", wrong.Field, wrong.Value, wrong.Type.Kind())
	}
	return fail(http.StatusBadRequest, "Problems parsing JSON")
}

// number returns a parameter of the path that must be one.
func (c *call) number(name string) (int64, error) {
	n, err := strconv.ParseInt(c.params[name], 10, 64)
	if err != nil {
		return 0, notFound()
	}
	return n, nil
}

// query returns a parameter of the query, or what stands for it.
func (c *call) query(name, otherwise string) string {
	if v := c.r.URL.Query().Get(name); v != "" {
		return v
	}
	return otherwise
}

// page cuts one page out of all and says in the Link header where the others
// are. Sizes run from 1 to 100, 30 if not given.
// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
func page[T any](c *call, all []T) ([]T, http.Header) {
	size, err := strconv.Atoi(c.query("per_page", "30"))
	if err != nil || size < 1 {
		size = 30
	}
	size = min(size, 100)
	at, err := strconv.Atoi(c.query("page", "1"))
	if err != nil || at < 1 {
		at = 1
	}
	last := max(1, (len(all)+size-1)/size)
	h := http.Header{}
	var links []string
	link := func(page int, rel string) {
		q := c.r.URL.Query()
		q.Set("page", strconv.Itoa(page))
		links = append(links, fmt.Sprintf(`<%s?%s>; rel="%s"`, c.api(strings.TrimPrefix(trimRoot(c.r.URL.EscapedPath()), "/")), q.Encode(), rel))
	}
	if at > 1 {
		link(min(at-1, last), "prev")
	}
	if at < last {
		link(at+1, "next")
		link(last, "last")
	}
	if at > 1 {
		link(1, "first")
	}
	if links != nil {
		h.Set("Link", strings.Join(links, ", "))
	}
	if at > last {
		return all[:0], h
	}
	return all[(at-1)*size : min(at*size, len(all))], h
}

// list answers with one page of all, each as JSON.
func list[T any](c *call, all []T, render func(T) object) (reply, error) {
	items, h := page(c, all)
	out := make([]object, 0, len(items))
	for _, i := range items {
		out = append(out, render(i))
	}
	return reply{status: http.StatusOK, body: out, header: h}, nil
}

// read takes the body of a request in full.
func read(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	switch {
	case err != nil:
		return nil, fail(http.StatusBadRequest, "Problems reading the request")
	case len(body) > maxRequest:
		return nil, fail(http.StatusRequestEntityTooLarge, "Payload too big")
	}
	return body, nil
}
