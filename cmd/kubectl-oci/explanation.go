package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/attempt"
	"github.com/kubectl-oci/kubectl-oci/pkg/policy"
	"github.com/kubectl-oci/kubectl-oci/pkg/source"
)

// What an attempt comes to.
const (
	outcomeSucceeds = "succeeds"
	outcomeFails    = "fails"
	outcomeWaits    = "waits" // for a window, with nothing advertised before
)

// explanation is what the agent makes of an object, for programs; text has it for people.
type explanation struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	URL       string `json:"url"`
	Outcome   string `json:"outcome"`
	FailsAt   string `json:"failsAt,omitempty"` // one of the steps below
	Reason    string `json:"reason"`
	Message   string `json:"message"`

	Policy      explainedPolicy       `json:"policy"`
	Credentials []explainedCredential `json:"credentials"` // in the order in which they are tried; empty: the registry is asked without, null: it is not asked
	Entries     []attempt.Entry       `json:"entries"`     // of pull secrets that were looked into
	source.Trace
	Digest digest.Digest `json:"digest,omitempty"` // of the bytes that would be served
	Size   int64         `json:"size,omitempty"`

	Suspended bool             `json:"suspended"`
	Window    *explainedWindow `json:"window,omitempty"` // nil: there is none
	NextPoll  string           `json:"nextPoll"`

	Required bool `json:"signatureRequired"`

	Status      *explainedStatus `json:"status,omitempty"` // nil: the agent has said nothing yet
	Differences []string         `json:"differences"`      // between it and this
}

// Steps at which an attempt fails.
const (
	atURL        = "url"
	atPolicy     = "policy"
	atWindow     = "window"
	atCredential = "credential"
	atReference  = "reference"
	atSignature  = "signature"
	atLayer      = "layer"
	atFetch      = "fetch"
)

type explainedPolicy struct {
	From      string `json:"from,omitempty"` // where it was read; empty: there is none
	Note      string `json:"note,omitempty"` // why there is none, or it is not known
	Unknown   bool   `json:"unknown,omitempty"`
	Rule      string `json:"rule,omitempty"` // empty: there is none for the object
	Addresses string `json:"addresses,omitempty"`
	Insecure  bool   `json:"insecure"`
}

func (p *explainedPolicy) read(rule policy.Rule) {
	p.Rule, p.Addresses, p.Insecure = rule.Name, rule.Reach.String(), rule.Insecure
}

type explainedCredential struct {
	attempt.Candidate
	Result string `json:"result"`
}

// What became of a credential.
const (
	credentialAccepted = "accepted"
	credentialRefused  = "refused with 401 or 403"
	credentialNotTried = "not tried"
)

type explainedWindow struct {
	Open    bool   `json:"open"`
	Opens   string `json:"opens,omitempty"` // next, RFC 3339
	Adopt   string `json:"adopt,omitempty"` // the digest that may pass all the same
	Waiting string `json:"waiting,omitempty"`
}

type explainedStatus struct {
	Ready    string `json:"ready"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	Revision string `json:"revision,omitempty"`
	Since    string `json:"since"` // RFC 3339
	Stale    bool   `json:"stale"` // it tells of an older spec
}

func newExplanation(object *v1.OCIRepository, found attempt.Outcome, trace *source.Trace, place explainedPolicy) *explanation {
	_, reason, message := found.Ready()
	e := &explanation{
		Namespace: object.Namespace, Name: object.Name, URL: publishedURL(object.Spec.URL),
		Outcome: outcomeSucceeds, Reason: reason, Message: message,
		Policy:      place,
		Credentials: credentialsOf(found, trace), Entries: []attempt.Entry{}, Trace: *trace,
		Suspended: object.Spec.Suspend, Window: windowOf(object, found), NextPoll: nextPoll(object), Required: found.Terms.Verifies(),
		Status: statusOf(object), Differences: []string{},
	}
	if found.Way != nil && found.Way.Entries() != nil {
		e.Entries = found.Way.Entries()
	}
	switch {
	case found.Failure != nil:
		e.Outcome, e.FailsAt = outcomeFails, failsAt(found.Failure, trace)
	case found.Result.Revision == "":
		e.Outcome = outcomeWaits
	default:
		e.Digest, e.Size = found.Result.Entry.Digest, found.Result.Entry.Size
	}
	e.compare(found)
	return e
}

// publishedURL is an address without who asks: the agent refuses such a one, and it may hold a password.
func publishedURL(address string) string {
	name, hash, pinned := strings.Cut(address, "@sha256:")
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		scheme, _, _ := strings.Cut(name, "://")
		name = scheme + "://" + name[at+1:]
	}
	if pinned {
		name += "@sha256:" + hash
	}
	return name
}

// failsAt tells at which step. What comes later has left nothing in the trace.
func failsAt(f *source.Error, t *source.Trace) string {
	switch {
	case f.Condition == v1.ConditionSourceVerified:
		return atSignature
	case f.Reason == v1.ReasonURLInvalid:
		return atURL
	case f.Reason == v1.ReasonPolicyViolation:
		return atPolicy
	case f.Reason == v1.ReasonWindowInvalid:
		return atWindow
	case f.Reason == v1.ReasonAuthenticationFailed:
		return atCredential
	case t.Revision == "":
		return atReference
	case f.Reason == v1.ReasonLayerOperationFailed:
		return atLayer
	}
	return atFetch
}

func credentialsOf(found attempt.Outcome, t *source.Trace) []explainedCredential {
	if found.Way == nil {
		return nil
	}
	all := []explainedCredential{}
	accepted, any := t.Accepted()
	denied := found.Failure != nil && found.Failure.Reason == v1.ReasonAuthenticationFailed && t.By != ""
	for i, c := range found.Way.Candidates() {
		result := credentialNotTried
		switch {
		case any && i == accepted:
			result = credentialAccepted
		case any && i < accepted, !any && denied:
			result = credentialRefused
		}
		all = append(all, explainedCredential{c, result})
	}
	return all
}

func windowOf(object *v1.OCIRepository, found attempt.Outcome) *explainedWindow {
	if _, ok := object.Annotations[v1.AnnotationWindow]; !ok {
		return nil
	}
	w := &explainedWindow{Open: !found.Hold.Closed, Adopt: string(found.Hold.Adopt), Waiting: found.Result.Waiting}
	if found.Hold.Closed {
		w.Opens = found.Hold.Opens.Format(time.RFC3339)
	}
	return w
}

func statusOf(object *v1.OCIRepository) *explainedStatus {
	ready := meta.FindStatusCondition(object.Status.Conditions, v1.ConditionReady)
	if ready == nil {
		return nil
	}
	s := &explainedStatus{
		Ready: string(ready.Status), Reason: ready.Reason, Message: ready.Message,
		Since: ready.LastTransitionTime.UTC().Format(time.RFC3339), Stale: ready.ObservedGeneration < object.Generation,
	}
	if a := object.Status.Artifact; a != nil {
		s.Revision = a.Revision
	}
	return s
}

// compare says where the status says something else. Messages of failures have more in them there, as what became of the artifact.
func (e *explanation) compare(found attempt.Outcome) {
	s := e.Status
	if s == nil {
		return
	}
	differs := func(what, there, here string) {
		e.Differences = append(e.Differences, fmt.Sprintf("%s: the status says %s, and now it is %s", what, cmpEmpty(there), cmpEmpty(here)))
	}
	status, _, _ := found.Ready()
	if s.Ready != string(status) {
		differs("Ready", s.Ready, string(status))
	}
	if s.Reason != e.Reason {
		differs("reason", s.Reason, e.Reason)
	}
	if status == metav1.ConditionTrue && s.Revision != found.Result.Revision {
		differs("revision", s.Revision, found.Result.Revision)
	}
	if len(e.Differences) == 0 && !sameMessage(s.Message, e.Message) {
		differs("message", oneLineOf(s.Message), oneLineOf(e.Message))
	}
}
