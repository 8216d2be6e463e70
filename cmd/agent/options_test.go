package main

import (
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

func parseLine(t *testing.T, line string) (*options, error) {
	t.Helper()
	env := func(name string) string { return map[string]string{"RUNTIME_NAMESPACE": "oci-system"}[name] }
	return parse(strings.Fields(line), env, io.Discard)
}

// A Deployment of source-controller whose image was replaced has to start.
func TestFlagsOfSourceControllerAreAccepted(t *testing.T) {
	t.Parallel()
	o, err := parseLine(t, `--events-addr=http://notification-controller.flux-system.svc.cluster.local./ --watch-all-namespaces=true
		--log-level=debug --log-encoding=json --enable-leader-election --storage-path=/data
		--storage-adv-addr=source-controller.flux-system.svc.cluster.local. --helm-cache-max-size=10 --helm-cache-ttl=60m
		--helm-cache-purge-interval 5m --helm-index-max-size=1 --feature-gates=CacheSecretsAndConfigMaps=true --concurrent=20
		--requeue-dependency=5s --kube-api-qps=500 --kube-api-burst=1000 --leader-election-release-on-cancel=false
		--artifact-retention-ttl=2m --artifact-retention-records=5 --artifact-digest-algo=sha512 --interval-jitter-percentage=10
		--min-retry-delay=1s --max-retry-delay=10m --watch-label-selector=!sharding.fluxcd.io/key --ssh-kex-algos=a,b
		--token-cache-max-size=0 --default-service-account=x`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--helm-cache-max-size", "--helm-cache-ttl", "--helm-cache-purge-interval", "--helm-index-max-size",
		"--feature-gates", "--requeue-dependency", "--artifact-digest-algo", "--ssh-kex-algos", "--token-cache-max-size"}
	if diff := cmp.Diff(want, o.ignored); diff != "" {
		t.Errorf("ignored flags (-want +got):\n%s", diff)
	}
	if o.defaultServiceAccount != "x" {
		t.Errorf("default service account is %q", o.defaultServiceAccount)
	}
	if o.pace.Concurrent != 20 || o.pace.MinRetry != time.Second || o.pace.MaxRetry != 10*time.Minute || o.jitter != 10 {
		t.Errorf("pace is %+v, jitter %d", o.pace, o.jitter)
	}
	if want := (store.Retention{Records: 5, TTL: 2 * time.Minute}); o.retention != want {
		t.Errorf("retention is %+v, want %+v", o.retention, want)
	}
	if o.selector.String() != "!sharding.fluxcd.io/key" || !o.leaderElection || o.release || o.logLevel != slog.LevelDebug {
		t.Errorf("got %+v", o)
	}
}

func TestFlagsThatAreWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ line, want string }{
		"no folder":   {"--storage-path=", "--storage-path is empty"},
		"argument":    {"--storage-path=/data run", `unexpected argument "run"`},
		"unknown":     {"--storage-path=/data --nonsense", "not defined: -nonsense"},
		"jitter":      {"--storage-path=/data --interval-jitter-percentage=100", "not 0 to 99"},
		"concurrency": {"--storage-path=/data --concurrent=0", "not 1 or more"},
		"limit":       {"--storage-path=/data --layer-max-size=0", "not 1 or more"},
		"quantity":    {"--storage-path=/data --layer-max-size=much", "layer-max-size"},
		"level":       {"--storage-path=/data --log-level=loud", "not trace, debug, info or error"},
		"encoding":    {"--storage-path=/data --log-encoding=xml", "not json or console"},
		"selector":    {"--storage-path=/data --watch-label-selector==", "watch-label-selector"},
		"replicas":    {"--storage-path=/data --replicas=agent:9090", "--enable-leader-election"},
		"account":     {"--storage-path=/data --default-service-account=Foo_Bar", "--default-service-account"},
		"boolean":     {"--storage-path=/data --leader-election-release-on-cancel=maybe", "leader-election-release-on-cancel"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var printed strings.Builder
			_, err := parse(strings.Fields(test.line), func(string) string { return "" }, &printed)
			if err == nil || !strings.Contains(err.Error(), test.want) || printed.Len() > 0 {
				t.Errorf("error is %v, want %q in it, beside %q", err, test.want, &printed)
			}
		})
	}
}

func TestOneNamespaceNeedsItsName(t *testing.T) {
	t.Parallel()
	args := []string{"--storage-path=/data", "--watch-all-namespaces=false"}
	if _, err := parse(args, func(string) string { return "" }, io.Discard); err == nil {
		t.Error("no error")
	}
	o, err := parse(args, func(string) string { return "oci-system" }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := cacheOptions(o).DefaultNamespaces["oci-system"]; !ok {
		t.Errorf("the cache reads %v", cacheOptions(o).DefaultNamespaces)
	}
}

func TestLimitsAndRetention(t *testing.T) {
	t.Parallel()
	o, err := parseLine(t, "--storage-path=/data --layer-max-size=1Gi --layer-max-entries=7 --artifact-retention-ttl=0s --artifact-retention-records=0")
	if err != nil {
		t.Fatal(err)
	}
	if o.limits.Compressed != 1<<30 || o.limits.Entries != 7 || o.limits.Expanded != 2<<30 {
		t.Errorf("limits are %+v", o.limits)
	}
	if o.retention.Records >= 0 || o.retention.TTL >= 0 {
		t.Errorf("retention is %+v: zero means the store's default", o.retention)
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	t.Parallel()
	var usage strings.Builder
	if _, err := parse([]string{"-h"}, func(string) string { return "" }, &usage); err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(usage.String(), "\n")
	for _, flag := range []string{"storage-path", "storage-adv-addr", "layer-max-size", "kubeconfig", "watch-label-selector"} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "  -"+flag+" ") }) {
			t.Errorf("no word of -%s in\n%s", flag, usage.String())
		}
	}
}

func TestAdvertisedAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flag   string
		listen net.TCPAddr
		want   string
	}{
		"asked for":     {"agent.oci-system.svc", net.TCPAddr{Port: 9090}, "agent.oci-system.svc"},
		"all addresses": {"", net.TCPAddr{Port: 9090}, "localhost:9090"},
		"IPv6, all":     {"", net.TCPAddr{IP: net.IPv6zero, Port: 9090}, "localhost:9090"},
		"one address":   {"", net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}, "127.0.0.1:4711"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := advertise(&options{storageAdvAddr: test.flag}, &test.listen); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestVersionNeedsNothingElse(t *testing.T) {
	t.Parallel()
	if o, err := parseLine(t, "--version"); err != nil || !o.version {
		t.Errorf("got %+v, %v", o, err)
	}
	if buildVersion() == "" {
		t.Error("no version")
	}
}

// The status page shows every tenant's objects: an address without a host is not the whole network.
func TestStatusAddress(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                           "",
		"--status-addr=:9091":        "127.0.0.1:9091",
		"--status-addr=0.0.0.0:9091": "0.0.0.0:9091",
		"--status-addr=[::1]:9091":   "[::1]:9091",
	} {
		if o, err := parseLine(t, line); err != nil || o.statusAddr != want {
			t.Errorf("%s: %+v, %v", line, o, err)
		}
	}
	if _, err := parseLine(t, "--status-addr=9091"); err == nil {
		t.Error("a port is taken for an address")
	}
}
