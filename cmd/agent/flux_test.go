package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// fluxFlags is every flag of source-controller 1.9 with a value that it takes, and whether it means something here.
var fluxFlags = map[string]bool{
	"--artifact-digest-algo=sha512":                               false,
	"--artifact-retention-records=5":                              true,
	"--artifact-retention-ttl=2m":                                 true,
	"--concurrent=4":                                              true,
	"--default-service-account=tenant":                            true,
	"--enable-leader-election":                                    true,
	"--events-addr=http://notification-controller.flux-system./":  true,
	"--feature-gates=ObjectLevelWorkloadIdentity=true,Other=true": false,
	"--health-addr=:9441":                                         true,
	"--helm-cache-max-size=10":                                    false,
	"--helm-cache-purge-interval=1m":                              false,
	"--helm-cache-ttl=15m":                                        false,
	"--helm-chart-file-max-size=5242880":                          false,
	"--helm-chart-max-size=10485760":                              false,
	"--helm-index-max-size=52428800":                              false,
	"--interval-jitter-percentage=10":                             true,
	"--kube-api-burst=300":                                        true,
	"--kube-api-qps=50.5":                                         true,
	"--leader-election-lease-duration=60s":                        true,
	"--leader-election-release-on-cancel=false":                   true,
	"--leader-election-renew-deadline=40s":                        true,
	"--leader-election-retry-period=6s":                           true,
	"--log-encoding=console":                                      true,
	"--log-level=trace":                                           true,
	"--max-retry-delay=10m":                                       true,
	"--metrics-addr=:8081":                                        true,
	"--min-retry-delay=1s":                                        true,
	"--requeue-dependency=30s":                                    false,
	"--ssh-hostkey-algos=a,b":                                     false,
	"--ssh-kex-algos=a,b":                                         false,
	"--storage-addr=:9091":                                        true,
	"--storage-adv-addr=source-controller.flux-system.svc.":       true,
	"--storage-path=/artifacts":                                   true,
	"--token-cache-max-duration=1h":                               false,
	"--token-cache-max-size=100":                                  false,
	"--watch-all-namespaces=false":                                true,
	"--watch-configs-label-selector=a=b":                          false,
	"--watch-label-selector=!sharding.fluxcd.io/key":              true,
}

// Whatever a Deployment of source-controller was patched with: the agent starts, and says which flags mean nothing to it.
func TestEveryFlagOfSourceController(t *testing.T) {
	t.Parallel()
	for flag, meant := range fluxFlags {
		name, _, _ := strings.Cut(flag, "=")
		o, err := parseLine(t, flag)
		if err != nil {
			t.Errorf("%s: %v", flag, err)
			continue
		}
		if ignored := slices.Contains(o.ignored, name); ignored == meant {
			t.Errorf("%s is ignored: %t", name, ignored)
		}
	}
	all := make([]string, 0, len(fluxFlags))
	for flag := range fluxFlags {
		all = append(all, flag)
	}
	o, err := parseLine(t, strings.Join(all, " "))
	if err != nil {
		t.Fatal(err)
	}
	if o.qps != 50.5 || o.leaseDuration != time.Minute || o.metricsAddr != ":8081" || o.healthAddr != ":9441" || o.storageAddr != ":9091" ||
		o.storagePath != "/artifacts" || o.allNamespaces || o.eventsAddr == "" {
		t.Errorf("got %+v", o)
	}
}

// The arguments of a stock Flux 2 install, word for word, and what the environment says in place of arguments.
func TestStockInstallOfFlux(t *testing.T) {
	t.Parallel()
	env := map[string]string{"RUNTIME_NAMESPACE": "flux-system", "TUF_ROOT": "/tmp/.sigstore"}
	getenv := func(name string) string { return env[name] }
	args := []string{
		"--events-addr=http://notification-controller.flux-system.svc.cluster.local./",
		"--watch-all-namespaces=true",
		"--log-level=info",
		"--log-encoding=json",
		"--enable-leader-election",
		"--storage-path=/data",
		"--storage-adv-addr=source-controller.flux-system.svc.cluster.local.",
	}
	o, err := parse(args, getenv, io.Discard)
	if err != nil || len(o.ignored) > 0 {
		t.Fatalf("%v, ignored %v", err, o.ignored)
	}
	env["STORAGE_ADV_ADDR"], env["EVENTS_ADDR"], env["METRICS_ADDR"] = "agent.example", "http://events.example", ":1"
	if o, err = parse(nil, getenv, io.Discard); err != nil {
		t.Fatal(err)
	}
	if o.storagePath != "/data" || o.storageAddr != ":9090" || o.storageAdvAddr != "agent.example" || o.eventsAddr != "http://events.example" || o.metricsAddr != ":1" {
		t.Errorf("got %+v", o)
	}
}
