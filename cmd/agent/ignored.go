package main

import "flag"

// Flags of source-controller that mean nothing here. A Deployment that still has them must not crash.
func (o *options) bindIgnored(f *flag.FlagSet) {
	for _, name := range []string{
		"artifact-digest-algo", "feature-gates", "requeue-dependency",
		"helm-cache-max-size", "helm-cache-purge-interval", "helm-cache-ttl",
		"helm-chart-file-max-size", "helm-chart-max-size", "helm-index-max-size",
		"ssh-hostkey-algos", "ssh-kex-algos", "token-cache-max-duration", "token-cache-max-size", "watch-configs-label-selector",
	} {
		f.Func(name, "ignored", func(string) error {
			o.ignored = append(o.ignored, "--"+name)
			return nil
		})
	}
}
