package node

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
)

// Address of the node. Pods are in podRange, Services in that of the control plane.
const (
	Address      = "10.250.0.1"
	podRange     = "10.244.0.0/24"
	serviceRange = "10.96.0.0/16"
	mtu          = 1500
)

// connect gives the network namespace a loopback device, the node's address on one end of a cable that leads nowhere, since the kubelet
// refuses loopback, and a route to Services, without which kube-proxy has nothing to rewrite.
func connect() error {
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "node0", MTU: mtu}, PeerName: "node1"}); err != nil {
		return fmt.Errorf("make the node's network device: %w", err)
	}
	links := map[string]netlink.Link{}
	for _, name := range []string{"lo", "node0", "node1"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("find network device %q: %w", name, err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("set up network device %q: %w", name, err)
		}
		links[name] = link
	}
	ours := &net.IPNet{IP: net.ParseIP(Address), Mask: net.CIDRMask(24, 32)}
	if err := netlink.AddrAdd(links["node0"], &netlink.Addr{IPNet: ours}); err != nil {
		return fmt.Errorf("give the node its address: %w", err)
	}
	_, services, err := net.ParseCIDR(serviceRange)
	if err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: links["node0"].Attrs().Index, Dst: services, Scope: netlink.SCOPE_LINK}); err != nil {
		return fmt.Errorf("add the route to Services: %w", err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
