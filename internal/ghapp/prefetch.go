package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/salvehq/salve/internal/forge"
)

// Bounds of one GraphQL query: how many files, and how many bytes together.
const (
	batchFiles = 80
	batchBytes = 1 << 20
	batchFile  = 256 << 10 // larger files are read one by one
)

// Prefetch fetches the files of paths, so that reading them costs no request
// each: some eighty in one. What it cannot fetch (large, binary, not there)
// Read fetches later, or says why not.
func (s *Snapshot) Prefetch(ctx context.Context, paths []string) error {
	l, err := s.c.listing(ctx, s.Repo, s.Tree)
	if err != nil {
		return err
	}
	var batch []forge.SHA
	var size int64
	wanted := map[forge.SHA]bool{}
	flush := func() error {
		defer func() { batch, size = nil, 0 }()
		return s.c.fetchBlobs(ctx, s.Repo, batch)
	}
	for _, path := range paths {
		f, ok := l.get(path)
		if _, have := s.c.app.blobs.Get(objectKey{s.Repo, f.Blob}); !ok || have || wanted[f.Blob] || !f.Mode.Regular() || f.Size > batchFile {
			continue
		}
		if len(batch) == batchFiles || size+f.Size > batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		wanted[f.Blob] = true
		batch, size = append(batch, f.Blob), size+f.Size
	}
	return flush()
}

// fetchBlobs remembers the contents of blobs, as far as GraphQL gives them: as
// text, which need not be what the bytes were. Only those that have the name
// they were asked for by are kept.
//
// GitHub: POST /graphql; needs contents: read.
// https://docs.github.com/en/graphql/reference/objects#blob
func (c *Client) fetchBlobs(ctx context.Context, repo forge.Repo, blobs []forge.SHA) error {
	if len(blobs) < 2 {
		return nil // one is read as cheaply without
	}
	gh, err := c.as(reading, repo)
	if err != nil {
		return err
	}
	query, err := blobQuery(blobs)
	if err != nil {
		return err
	}
	req, err := gh.NewRequest(http.MethodPost, c.app.graphql(), map[string]any{
		"query": query, "variables": map[string]string{"owner": repo.Owner, "name": repo.Name},
	})
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Repository map[string]*struct {
				Text *string `json:"text"`
			} `json:"repository"`
		} `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	_, err = gh.Do(ctx, req, &answer)
	if err == nil && len(answer.Errors) > 0 && len(answer.Data.Repository) == 0 {
		err = errors.New(cut(oneLine(answer.Errors[0].Message), 300))
	}
	if err != nil {
		return explain(err, "read %d files of %s", len(blobs), repo)
	}
	for i, sha := range blobs {
		blob := answer.Data.Repository[fmt.Sprintf("b%d", i)]
		if blob != nil && blob.Text != nil && blobSHA([]byte(*blob.Text), len(sha)) == sha {
			c.app.blobs.Put(objectKey{repo, sha}, []byte(*blob.Text), int64(len(*blob.Text)+256))
		}
	}
	return nil
}

// blobQuery asks for blobs by name. Names are digits, so they can stand in the
// query as they are.
func blobQuery(blobs []forge.SHA) (string, error) {
	var q strings.Builder
	q.WriteString("query($owner:String!,$name:String!){repository(owner:$owner,name:$name){")
	for i, sha := range blobs {
		if err := sha.Validate(); err != nil {
			return "", err
		}
		fmt.Fprintf(&q, "b%d:object(expression:%q){... on Blob{oid text}}", i, string(sha))
	}
	q.WriteString("}}")
	return q.String(), nil
}

// graphql is the path of the GraphQL API from the API root: beside api/v3/ on
// GitHub Enterprise Server, below the root elsewhere.
func (a *App) graphql() string {
	if strings.HasSuffix(a.root.Path, "/api/v3/") {
		return "../graphql"
	}
	return "graphql"
}
