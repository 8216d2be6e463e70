// Command coredns is the name server of a cluster: CoreDNS with the plugins that one cluster needs, and no others.
package main

import (
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"      // registers itself
	_ "github.com/coredns/coredns/plugin/errors"     // registers itself
	_ "github.com/coredns/coredns/plugin/kubernetes" // registers itself
)

func main() { coremain.Run() }
