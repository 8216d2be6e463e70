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

// classOf takes an address for the one that a connection to it leads to.
func classOf(a netip.Addr) class {
	a = a.Unmap().WithZone("")
	switch {
	case within(a, "100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24", "fd00:ec2::/32", "fd20:ce::/32"):
		return linkLocal // metadata services that lie in another class
	case within(a, "127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128"):
		return loopbacks // a connection to the unspecified address is one to this machine
	case within(a, "169.254.0.0/16", "fe80::/10"), a.IsMulticast(), within(a, "0.0.0.0/8", "240.0.0.0/4"):
		return linkLocal // the last two are reserved
	case within(a, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10", "198.18.0.0/15", "fec0::/10", "64:ff9b:1::/48"):
		return private
	case within(a, "64:ff9b::/96", "::ffff:0:0:0/96", "::/96"):
		return classOf(embedded(a, 12)) // NAT64 and older forms
	case within(a, "2002::/16"):
		return classOf(embedded(a, 2)) // 6to4
	}
	return public
}

func within(a netip.Addr, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return netip.MustParsePrefix(p).Contains(a) })
}

// embedded is the IPv4 address that an IPv6 address holds.
func embedded(a netip.Addr, at int) netip.Addr {
	return netip.AddrFrom4([4]byte(a.AsSlice()[at:]))
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
	if err == nil || numeric(name) {
		return r.check(host, a)
	}
	return nil
}

// numeric tells what some take for an address, 0x7f.1 for example, from a name.
func numeric(name string) bool {
	_, err := strconv.ParseUint(name[strings.LastIndexByte(name, '.')+1:], 0, 64)
	return err == nil
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
