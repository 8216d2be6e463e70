package registry

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Reach says where connections may lead: to the registry, to its token service, to where it redirects, and to the proxy. It is checked
// with each connection, after the name was resolved, so that a name that changes its mind gains nothing. What the environment's proxy
// connects to cannot be seen; there, and behind every other proxy, addresses are checked that are written as such. The zero value: anywhere.
type Reach struct {
	Public    bool
	Private   bool // RFC 1918, fc00::/7, 100.64.0.0/10
	Loopback  bool
	LinkLocal bool // also the clouds' metadata services, multicast, and what is reserved
}

// ForbiddenError says that a connection would have led where [Reach] does not allow it. Nothing was sent there.
type ForbiddenError struct {
	Host    string     // as it was named
	Address netip.Addr // what it stands for; not valid where Host is made up like an address and is none
}

func (e *ForbiddenError) Error() string {
	if !e.Address.IsValid() {
		return fmt.Sprintf("%q is no address: the administrator's policy does not allow connections to it", e.Host)
	}
	return fmt.Sprintf("%q leads to %s: the administrator's policy does not allow connections to %s addresses", e.Host, e.Address, classOf(e.Address))
}

type class string

const (
	public    class = "public"
	private   class = "private"
	loopbacks class = "loopback"
	linkLocal class = "link-local"
)

// classes of what is not public; the first prefix that holds an address counts.
var classes = []struct {
	class    class
	prefixes []netip.Prefix
}{
	{linkLocal, prefixes( // the clouds' metadata services that have an address of another class
		"100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24", "fd00:ec2::/32", "fd20:ce::/32")},
	{loopbacks, prefixes("127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128")}, // the unspecified address connects to this machine
	{linkLocal, prefixes(
		"169.254.0.0/16", "fe80::/10",
		"224.0.0.0/4", "ff00::/8", // multicast
		"0.0.0.0/8", "240.0.0.0/4")}, // reserved
	{private, prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10",
		"198.18.0.0/15", "fec0::/10", "64:ff9b:1::/48")},
}

// embedded lists the IPv6 addresses that lead to an IPv4 address in them, and at which byte that begins: NAT64, 6to4, and two older forms.
var embedded = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("::/96"), 12},
}

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, p := range list {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}

// classOf takes an address for the one that a connection to it leads to.
func classOf(a netip.Addr) class {
	a = a.Unmap().WithZone("")
	for _, c := range classes {
		if slices.ContainsFunc(c.prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return c.class
		}
	}
	for _, e := range embedded {
		if raw := a.AsSlice(); e.prefix.Contains(a) {
			return classOf(netip.AddrFrom4([4]byte(raw[e.at:])))
		}
	}
	return public
}

// check tells whether host, which stands for a, may be connected to.
func (r Reach) check(host string, a netip.Addr) error {
	allowed := map[class]bool{public: r.Public, private: r.Private, loopbacks: r.Loopback, linkLocal: r.LinkLocal}
	if r == (Reach{}) || a.IsValid() && allowed[classOf(a)] {
		return nil
	}
	return &ForbiddenError{Host: host, Address: a}
}

// checkLiteral is check for a host that somebody else resolves, of which only an address that is written as such can be judged.
func (r Reach) checkLiteral(host string) error {
	name := strings.TrimSuffix(host, ".")
	if loopback(name) {
		return r.check(host, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	a, err := netip.ParseAddr(name)
	last := name[strings.LastIndexByte(name, '.')+1:]
	if _, numeric := strconv.ParseUint(last, 0, 64); err != nil && numeric != nil {
		return nil // a name
	}
	return r.check(host, a) // some take 0x7f.1 for an address
}

// dial is for [http.Transport.DialContext].
func (r Reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: connectTimeout, KeepAlive: connectTimeout}
	d.Control = func(_, resolved string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return err
		}
		return r.check(host, to.Addr())
	}
	return d.DialContext(ctx, network, address)
}
