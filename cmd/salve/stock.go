package main

import (
	"bufio"
	"bytes"
	"io"

	"github.com/salvehq/salve/internal/inventory"
)

// writeStock writes a stockView as JSON, piece by piece: of a large repository
// the whole takes more memory than the inventory itself.
func writeStock(out io.Writer, workloads []inventory.Workload, facts []inventory.Fact, problems []inventory.Finding) error {
	w := bufio.NewWriter(out)
	writeList(w, `{"workloads":[`, workloads, func(x []inventory.Workload) any { return stockOf(x, nil, nil).Workloads })
	writeList(w, `],"values":[`, facts, func(x []inventory.Fact) any { return stockOf(nil, x, nil).Values })
	writeList(w, `],"problems":[`, problems, func(x []inventory.Finding) any { return stockOf(nil, nil, x).Problems })
	w.WriteString("]}\n")
	return w.Flush()
}

// writeList writes the elements of a list, some at a time, without its brackets.
// An error is for Flush to return: what consists of texts and numbers can be
// written.
func writeList[T any](w *bufio.Writer, before string, all []T, view func([]T) any) {
	const some = 64
	w.WriteString(before)
	var b bytes.Buffer
	for n := 0; n < len(all); n += some {
		b.Reset()
		if writeJSON(&b, view(all[n:min(n+some, len(all))])) != nil {
			return
		}
		if n > 0 {
			w.WriteByte(',')
		}
		w.Write(bytes.TrimSuffix(bytes.TrimPrefix(b.Bytes(), []byte("[")), []byte("]\n")))
	}
}
