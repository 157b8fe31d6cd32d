package scalar

import (
	"net/netip"

	"github.com/salvehq/salve/internal/dql"
)

// network are the functions on ip addresses, given as such or as strings.
// https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-query-language/functions/network-functions
var network = map[string]Func{
	"ipIn":          ipIn,
	"ipIsLinkLocal": ofIP(func(a netip.Addr) bool { return a.IsLinkLocalUnicast() }),
	"ipIsLoopback":  ofIP(netip.Addr.IsLoopback),
	"ipIsPrivate":   ofIP(netip.Addr.IsPrivate),
	"ipIsPublic": ofIP(func(a netip.Addr) bool {
		return a.IsGlobalUnicast() && !a.IsPrivate()
	}),
	"ipMask": ipMask,
	"isIp":   isIP(func(netip.Addr) bool { return true }),
	"isIpV4": isIP(netip.Addr.Is4),
	"isIpV6": isIP(netip.Addr.Is6),
}

// address reads an ip address or a string that is one.
func address(v dql.Value) (netip.Addr, bool) {
	s, ok := v.AsText()
	if !ok || v.Kind() != dql.KindIP && v.Kind() != dql.KindString {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// ofIP makes a test that is null for what is no address.
func ofIP(test func(netip.Addr) bool) Func {
	return one(func(v dql.Value) dql.Value {
		a, ok := address(v)
		if !ok {
			return dql.Null
		}
		return dql.Bool(test(a))
	})
}

// isIP makes a test that is false for text that is no address.
func isIP(test func(netip.Addr) bool) Func {
	return one(func(v dql.Value) dql.Value {
		if v.IsNull() {
			return dql.Null
		}
		a, ok := address(v)
		return dql.Bool(ok && test(a))
	})
}

// ipIn reports whether an address, or any of an array, is one of the addresses
// or lies in one of the networks given.
func ipIn(_ *Env, a []dql.Value) dql.Value {
	hay := flatten(a[1:], nil)
	needles := []dql.Value{a[0]}
	if list, ok := a[0].AsArray(); ok {
		needles = list
	}
	known := false
	for _, n := range needles {
		addr, ok := address(n)
		if !ok {
			continue
		}
		known = true
		for _, h := range hay {
			if holds(h, addr) {
				return dql.Bool(true)
			}
		}
	}
	if !known {
		return dql.Null
	}
	return dql.Bool(false)
}

func holds(h dql.Value, a netip.Addr) bool {
	s, _ := h.AsText()
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Contains(a)
	}
	b, ok := address(h)
	return ok && a == b
}

func ipMask(_ *Env, a []dql.Value) dql.Value {
	addr, ok := address(a[0])
	n, okN := a[1].AsLong()
	if m, okM := a[2].AsLong(); okM && addr.Is6() {
		n = m
	}
	if !ok || !okN || n < 0 || n > 128 {
		return dql.Null
	}
	p, err := addr.Prefix(min(int(n), addr.BitLen()))
	if err != nil {
		return dql.Null
	}
	return dql.Text(dql.KindIP, p.Addr().String())
}
