package notify

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// hosts is a list of where requests may go.
type hosts struct {
	names    map[string]bool
	prefixes []netip.Prefix
}

// internal are addresses of the machine, of its network, or of nobody, beside those that package
// netip has methods for.
var internal = prefixesOf(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "fec0::/10",
)

func prefixesOf(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		all[i] = netip.MustParsePrefix(t)
	}
	return all
}

func parseHosts(entries []string) (hosts, error) {
	h := hosts{names: make(map[string]bool)}
	for _, e := range entries {
		e = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(e)), ".")
		if a, err := netip.ParseAddr(e); err == nil {
			h.prefixes = append(h.prefixes, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		if p, err := netip.ParsePrefix(e); err == nil {
			h.prefixes = append(h.prefixes, p.Masked())
			continue
		}
		if e == "" || strings.ContainsAny(e, "/:*@ ") {
			return h, fmt.Errorf("notify: %q on the list of hosts is no host name, address or prefix", e)
		}
		h.names[e] = true
	}
	return h, nil
}

// host reports whether the list has the host of a URL.
func (h hosts) host(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return h.has(a.Unmap())
	}
	return h.names[strings.TrimSuffix(strings.ToLower(name), ".")]
}

func (h hosts) has(a netip.Addr) bool { return contain(h.prefixes, a) }

func contain(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// dial says whether an address, ip:port, may be connected to. Without TLS only listed ones may.
func (h hosts) dial(address string, plain bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("the receiver's name leads to no address")
	}
	a := ap.Addr().Unmap().WithZone("")
	switch {
	case h.has(a):
		return nil
	case !public(a):
		return errors.New("the receiver's name leads to an internal address that is not on the list of hosts")
	case plain:
		return errors.New("the receiver's name leads outside, where only https goes")
	}
	return nil
}

// public reports whether the address is one of the internet.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !contain(internal, a)
}
