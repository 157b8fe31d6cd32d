package forge

// A ChangedFile is one file of the difference that a pull request makes.
type ChangedFile struct {
	Path    string
	Removed bool
	Blob    SHA    // of the new content
	Patch   string // hunks of the diff; empty where it is too large, or binary
}

// A Remark is a comment of this App on a line of a pull request.
type Remark struct {
	ID      int64
	Path    string
	Line    int // of the file as it is now; 0 if the line is no longer there
	Body    string
	Replied bool // somebody answered it
}
