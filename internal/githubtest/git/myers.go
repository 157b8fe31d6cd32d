package git

// An edit replaces the lines [aLo, aHi) of one text by the lines [bLo, bHi) of
// another.
type edit struct{ aLo, aHi, bLo, bHi int }

// maxDistance bounds the work of a comparison. Texts further apart are taken
// as replaced as a whole, which is a correct diff, if not the shortest.
const maxDistance = 2000

// edits returns the shortest way from a to b, by Myers' algorithm.
// http://www.xmailserver.org/diff2.pdf
func edits(a, b []string) []edit {
	lo := 0
	for lo < len(a) && lo < len(b) && a[lo] == b[lo] {
		lo++
	}
	tail := 0
	for tail < len(a)-lo && tail < len(b)-lo && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	a, b = a[lo:len(a)-tail], b[lo:len(b)-tail]
	if len(a)+len(b) == 0 {
		return nil
	}
	trace, ok := forward(a, b)
	if !ok {
		return []edit{{lo, lo + len(a), lo, lo + len(b)}}
	}
	return backward(trace, len(a), len(b), lo)
}

// forward finds how far each diagonal reaches for each number of changes. It
// keeps a copy per number, for the way back.
func forward(a, b []string) (trace [][]int, ok bool) {
	most := min(len(a)+len(b), maxDistance)
	reach := make([]int, 2*most+3)
	mid := most + 1
	for d := 0; d <= most; d++ {
		trace = append(trace, append([]int(nil), reach[mid-d-1:mid+d+2]...))
		for k := -d; k <= d; k += 2 {
			x := reach[mid+k-1] + 1
			if k == -d || k != d && reach[mid+k-1] < reach[mid+k+1] {
				x = reach[mid+k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			reach[mid+k] = x
			if x >= len(a) && x-k >= len(b) {
				return trace, true
			}
		}
	}
	return nil, false
}

// backward reads the changes off a trace, last to first, and joins those that
// touch.
func backward(trace [][]int, x, y, offset int) []edit {
	var rev []edit
	for d := len(trace) - 1; d > 0; d-- {
		reach, mid := trace[d], d+1
		k := x - y
		prev := k - 1
		if k == -d || k != d && reach[mid+k-1] < reach[mid+k+1] {
			prev = k + 1
		}
		px := reach[mid+prev]
		py := px - prev
		step := edit{px, px, py, py + 1} // an insertion
		if prev == k-1 {
			step = edit{px, px + 1, py, py}
		}
		if n := len(rev); n > 0 && rev[n-1].aLo == step.aHi && rev[n-1].bLo == step.bHi {
			rev[n-1].aLo, rev[n-1].bLo = step.aLo, step.bLo
		} else {
			rev = append(rev, step)
		}
		x, y = px, py
	}
	all := make([]edit, 0, len(rev))
	for i := len(rev) - 1; i >= 0; i-- {
		e := rev[i]
		all = append(all, edit{e.aLo + offset, e.aHi + offset, e.bLo + offset, e.bHi + offset})
	}
	return all
}
