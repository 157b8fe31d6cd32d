package wire

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// packed is a body, compressed: what GitHub says of repositories and pull
// requests is long and repeats itself, about ten to one. A store that is too
// small for one round of reads answers none of them, since each pushes out what
// the next round asks for first.
type packed []byte

var packers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails for levels that do not exist
	return w
}}

func pack(body []byte) packed {
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	w.Write(body) //nolint:errcheck // to memory
	w.Close()     //nolint:errcheck // to memory
	return bytes.Clone(b.Bytes())
}

func (p packed) bytes() []byte {
	body, _ := io.ReadAll(flate.NewReader(bytes.NewReader(p))) // ours, in memory
	return body
}
