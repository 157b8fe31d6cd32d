package dql

import (
	"cmp"
	"net/netip"
	"strings"
)

// Compare orders any two values as DQL's sort and takeMin do: by kind first,
// numbers together, null after everything else. It returns -1, 0 or +1.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/commands/ordering-commands
func Compare(a, b Value) int {
	if ra, rb := rank(a.kind), rank(b.kind); ra != rb {
		return cmp.Compare(ra, rb)
	}
	switch a.kind {
	case KindNull:
		return 0
	case KindLong, KindDouble:
		return compareNumbers(a, b)
	case KindArray:
		return compareLists(a.more.list, b.more.list)
	case KindRecord:
		return compareRecords(a.more.rec, b.more.rec)
	case KindTimeframe:
		return cmp.Or(cmp.Compare(int64(a.num), int64(b.num)), cmp.Compare(a.more.end, b.more.end))
	case KindDuration:
		x, _ := a.AsDuration()
		y, _ := b.AsDuration()
		return cmp.Compare(x, y)
	case KindBoolean, KindTimestamp:
		return cmp.Compare(int64(a.num), int64(b.num))
	case KindIP:
		return compareAddresses(a.text, b.text)
	}
	return strings.Compare(a.text, b.text)
}

// Equal reports whether v and w are the same value: of one kind, except that a
// long equals a double of the same number. Null equals null here; in a DQL
// expression that comparison is null.
func (v Value) Equal(w Value) bool { return Compare(v, w) == 0 }

// Equal reports whether r and s have the same fields in the same order.
func (r Record) Equal(s Record) bool { return compareRecords(r, s) == 0 }

// rank is the place of a kind in the order of sort.
func rank(k Kind) Kind {
	switch k {
	case KindNull:
		return KindRecord + 1
	case KindDouble:
		return KindLong
	}
	return k
}

func compareNumbers(a, b Value) int {
	if a.kind == KindLong && b.kind == KindLong {
		return cmp.Compare(int64(a.num), int64(b.num))
	}
	x, _ := a.AsDouble()
	y, _ := b.AsDouble()
	return cmp.Compare(x, y)
}

func compareLists(a, b []Value) int {
	for i := range min(len(a), len(b)) {
		if c := Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareRecords(a, b Record) int {
	for i := range min(a.Len(), b.Len()) {
		if c := cmp.Or(strings.Compare(a.names[i], b.names[i]), Compare(a.values[i], b.values[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Len(), b.Len())
}

// compareAddresses orders IPv4 before IPv6, each by number.
func compareAddresses(a, b string) int {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return x.Compare(y)
}
