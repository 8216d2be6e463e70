package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-oci/kubectl-oci/pkg/archive"
	"github.com/kubectl-oci/kubectl-oci/pkg/controller"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// options is what the flags say.
type options struct {
	kubeconfig string
	qps        float64
	burst      int

	storagePath, storageAddr, storageAdvAddr string
	replicas                                 []string // host:port
	metricsAddr, healthAddr, eventsAddr      string
	statusAddr                               string // empty: no status page

	namespace     string // the agent's own
	allNamespaces bool
	selector      labels.Selector

	policyPath            string
	watchSecrets          bool
	verifyInterval        time.Duration
	trustedRoot           string // path
	defaultServiceAccount string

	leaderElection, release    bool
	leaseDuration, renew, poll time.Duration

	pace      controller.Pace
	jitter    int // percent
	window    time.Duration
	retention store.Retention
	limits    archive.Limits
	grace     time.Duration

	logLevel slog.Level
	logText  bool

	ignored []string // flags given that mean nothing here
	version bool     // only the version is asked for; nothing else is checked
}

// parse reads the command line. Help goes to usage.
func parse(args []string, env func(string) string, usage io.Writer) (*options, error) {
	o := &options{namespace: env("RUNTIME_NAMESPACE"), selector: labels.Everything(), limits: archive.DefaultLimits()}
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is enough: the usage would push it off the screen
	o.bindCluster(flags, env)
	o.bindAccess(flags)
	o.bindStorage(flags, env)
	o.bindPace(flags)
	o.bindLog(flags)
	o.bindIgnored(flags)
	flags.BoolVar(&o.version, "version", false, "print the version and end")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(usage)
			flags.Usage()
		}
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.version {
		return o, nil
	}
	return o, o.validate()
}

func (o *options) bindCluster(f *flag.FlagSet, env func(string) string) {
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "`file` that says how to reach the cluster; otherwise KUBECONFIG or the Pod's own account")
	f.Float64Var(&o.qps, "kube-api-qps", 50, "requests per second to the API server")
	f.IntVar(&o.burst, "kube-api-burst", 300, "requests to the API server at once, beyond the rate")
	f.BoolVar(&o.allNamespaces, "watch-all-namespaces", true, "watch the objects of all namespaces; otherwise only those of RUNTIME_NAMESPACE")
	f.Func("watch-label-selector", "watch only objects with labels that match this `selector`", func(s string) (err error) {
		o.selector, err = labels.Parse(s)
		return err
	})
	f.BoolVar(&o.leaderElection, "enable-leader-election", false, "let only one of several agents reconcile")
	f.DurationVar(&o.leaseDuration, "leader-election-lease-duration", 35*time.Second, "how long an agent that vanished stays the leader")
	f.DurationVar(&o.renew, "leader-election-renew-deadline", 30*time.Second, "how long the leader tries to stay it")
	f.DurationVar(&o.poll, "leader-election-retry-period", 5*time.Second, "time between two tries to become or stay the leader")
	f.BoolVar(&o.release, "leader-election-release-on-cancel", true, "let another agent become the leader at once when this one ends")
	f.StringVar(&o.metricsAddr, "metrics-addr", cmp.Or(env("METRICS_ADDR"), ":8080"), "`address` of the metrics; 0 turns them off")
	f.StringVar(&o.healthAddr, "health-addr", ":9440", "`address` of the probes /healthz and /readyz")
	f.Func("status-addr", "`address` of the status page, which shows the objects of all namespaces; without a host, on loopback. Without it there is none", func(s string) error {
		host, port, err := net.SplitHostPort(s)
		o.statusAddr = net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port)
		return err
	})
	f.StringVar(&o.eventsAddr, "events-addr", env("EVENTS_ADDR"), "`URL` to which events are posted too, such as that of Flux's notification-controller")
}

func (o *options) bindAccess(f *flag.FlagSet) {
	f.StringVar(&o.policyPath, "policy", "", "`file` that says which registries objects may use, and who must have signed; without one, all that have no loopback or link-local address")
	f.BoolVar(&o.watchSecrets, "watch-secrets", false, "poll at once when a Secret or ServiceAccount changes that an object refers to; needs the right to list and watch them")
	f.DurationVar(&o.verifyInterval, "verify-interval", source.DefaultVerifyInterval, "how long a signature that was found counts before it is looked for again; a day at most")
	f.StringVar(&o.trustedRoot, "trusted-root", "", "`file` with the trusted_root.json that identities are held against where spec.verify names none; otherwise the public one of sigstore, which is fetched")
	f.StringVar(&o.defaultServiceAccount, "default-service-account", "", "`name` of the ServiceAccount whose identity objects have at a cloud provider that name none; otherwise the agent's own")
}

func (o *options) bindStorage(f *flag.FlagSet, env func(string) string) {
	f.StringVar(&o.storagePath, "storage-path", cmp.Or(env("STORAGE_PATH"), "/data"), "`folder` that holds what is exposed")
	f.StringVar(&o.storageAddr, "storage-addr", cmp.Or(env("STORAGE_ADDRESS"), ":9090"), "`address` of the file server")
	f.StringVar(&o.storageAdvAddr, "storage-adv-addr", env("STORAGE_ADV_ADDR"), "`address`, host or host:port, under which others reach the file server; otherwise its own")
	f.Func("replicas", "`host:port,…` of the file servers of all replicas; a name with an address for each will do", func(s string) error {
		o.replicas = strings.Split(s, ",")
		return nil
	})
	f.DurationVar(&o.retention.TTL, "artifact-retention-ttl", time.Minute, "how long a superseded artifact can still be downloaded")
	f.IntVar(&o.retention.Records, "artifact-retention-records", 2, "how many superseded artifacts of an object can still be downloaded")
	quantity(f, &o.limits.Compressed, "layer-max-size", "compressed `bytes` of a layer, such as 512Mi")
	quantity(f, &o.limits.Expanded, "layer-max-expanded-size", "uncompressed `bytes` of a layer")
	f.IntVar(&o.limits.Entries, "layer-max-entries", o.limits.Entries, "files and folders in a layer")
	f.IntVar(&o.limits.Path, "layer-max-path", o.limits.Path, "bytes of a path in a layer")
}

func (o *options) bindPace(f *flag.FlagSet) {
	f.IntVar(&o.pace.Concurrent, "concurrent", 10, "objects of one namespace reconciled at once; all of them together, twice as many")
	f.DurationVar(&o.pace.MinRetry, "min-retry-delay", 750*time.Millisecond, "wait after a first failure; it doubles with each one that follows")
	f.DurationVar(&o.pace.MaxRetry, "max-retry-delay", 15*time.Minute, "longest wait after a failure")
	f.IntVar(&o.jitter, "interval-jitter-percentage", 5, "by how much of its interval an object may be polled early or late")
	f.DurationVar(&o.window, "poll-window", 10*time.Second, "how old the answer to an equal poll of another object may be that saves a request; never more than a twentieth of the interval. 0: none")
	f.DurationVar(&o.grace, "graceful-shutdown-timeout", 50*time.Second, "how long reconciles and downloads may go on when the agent is told to stop")
}

func (o *options) bindLog(f *flag.FlagSet) {
	f.Func("log-level", "trace, debug, info (the default) or error", func(s string) error {
		level, ok := map[string]slog.Level{"trace": mostDetail, "debug": slog.LevelDebug, "info": slog.LevelInfo, "error": slog.LevelError}[s]
		if !ok {
			return errors.New("not trace, debug, info or error")
		}
		o.logLevel = level
		return nil
	})
	f.Func("log-encoding", "json (the default) or console", func(s string) error {
		if s != "json" && s != "console" {
			return errors.New("not json or console")
		}
		o.logText = s == "console"
		return nil
	})
}

// quantity binds a flag whose default is the value there is.
func quantity(f *flag.FlagSet, value *int64, name, usage string) {
	f.Func(name, fmt.Sprintf("%s (default %s)", usage, resource.NewQuantity(*value, resource.BinarySI)), func(s string) error {
		q, err := resource.ParseQuantity(s)
		*value = q.Value()
		return err
	})
}

// minVerifyInterval bounds what verifying costs registries: some requests each time.
const minVerifyInterval = time.Second

func (o *options) validate() error {
	switch {
	case o.storagePath == "":
		return errors.New("--storage-path is empty: name a folder for what is exposed")
	case o.jitter < 0 || o.jitter >= 100:
		return fmt.Errorf("--interval-jitter-percentage is %d, not 0 to 99", o.jitter)
	case o.pace.Concurrent < 1:
		return fmt.Errorf("--concurrent is %d, not 1 or more", o.pace.Concurrent)
	case min(o.limits.Compressed, o.limits.Expanded) < 1 || min(o.limits.Entries, o.limits.Path) < 1:
		return errors.New("a limit of a layer is not 1 or more")
	case o.verifyInterval < minVerifyInterval || o.verifyInterval > source.DefaultVerifyInterval:
		return fmt.Errorf("--verify-interval is %s, not %s to %s", o.verifyInterval, minVerifyInterval, source.DefaultVerifyInterval)
	case !o.allNamespaces && o.namespace == "":
		return errors.New("--watch-all-namespaces=false needs RUNTIME_NAMESPACE in the environment")
	case len(o.replicas) > 0 && !o.leaderElection:
		return errors.New("--replicas needs --enable-leader-election: without it all of them would write the same objects")
	}
	if wrong := validation.IsDNS1123Subdomain(o.defaultServiceAccount); o.defaultServiceAccount != "" && len(wrong) > 0 {
		return fmt.Errorf("--default-service-account %q: %s", o.defaultServiceAccount, strings.Join(wrong, "; "))
	}
	// The store takes zero for its own default.
	if o.retention.TTL <= 0 {
		o.retention.TTL = -1
	}
	if o.retention.Records <= 0 {
		o.retention.Records = -1
	}
	return nil
}
