//go:build linux

package node_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// checkEnds wants every Pod that was replaced to have waited until nobody was sent there any more, and to have ended by itself.
func (s *shipped) checkEnds(t *testing.T) {
	s.watch.stop()
	ends, restarts := s.watch.ends(t)
	if len(ends) < 6 { // the upgrade and the restart replaced two each, the deletion and the drain one each
		t.Errorf("%d Pods ended: %v", len(ends), ends)
	}
	for name, e := range ends {
		t.Logf("%s ended %v after it was asked to, with exit status %s", name, e.after, e.code)
		if e.code != "0" || e.after < 5*time.Second || e.after > 60*time.Second {
			t.Errorf("%s ended %v after it was asked to, with exit status %s", name, e.after, e.code)
		}
	}
	if restarts > 0 {
		t.Errorf("containers were started again %d times", restarts)
	}
}

// memoryLimit is that of the shipped Deployment.
const memoryLimit = 512 << 20

// checkLimits looks at the replicas that run at the end.
func (s *shipped) checkLimits(t *testing.T) {
	for _, name := range agents(t) {
		metrics := kubectl(t, "get", "--raw", "/api/v1/namespaces/"+agentNamespace+"/pods/"+name+":8080/proxy/metrics")
		resident := 0.0
		for line := range strings.Lines(metrics) {
			if value, found := strings.CutPrefix(line, "process_resident_memory_bytes "); found {
				var err error
				if resident, err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Logf("%s has %.0f MiB resident", name, resident/(1<<20))
		if resident == 0 || resident > memoryLimit/2 {
			t.Errorf("%s has %.0f MiB resident of the %d that are its limit", name, resident/(1<<20), memoryLimit>>20)
		}
	}
	logs := kubectl(t, "logs", "-n", agentNamespace, "-l", agentLabel, "--tail=-1", "--prefix")
	for line := range strings.Lines(logs) {
		if strings.Contains(strings.ToLower(line), "forbidden") || strings.Contains(line, "read-only file system") || strings.Contains(line, "panic") {
			t.Errorf("the log says %s", line)
		}
	}
}
