package policy

import (
	"fmt"
	"strings"
)

// Policy is a list of rules. A nil Policy is the one that counts where no file is given: it permits everything but the addresses of
// the agent's own machine and of its link, where clouds keep their metadata services.
type Policy struct{ rules []rule }

// Rule is what an object is permitted.
type Rule struct {
	Name     string // for people: which rule of the file it is; empty where no file is given
	Insecure bool   // spec.insecure may be set
	Reach    Reach
	Verify   *Verify // what must be verified of the artifact; nil: nothing. It is shared: do not change it
}

// Reach says to which addresses connections may lead, whoever names them: the object, a registry that redirects, a proxy.
type Reach struct{ Public, Private, Loopback, LinkLocal bool }

// String lists the classes as the file spells them.
func (r Reach) String() string {
	var names []string
	for _, class := range classes() {
		if *class.of(&r) {
			names = append(names, class.name)
		}
	}
	return strings.Join(names, ", ")
}

// usual is what a rule permits that names no addresses. Registries inside the cluster have private ones.
func usual() Reach { return Reach{Public: true, Private: true} }

// Rules are all rules of the file, in order; none where no file is given.
func (p *Policy) Rules() []Rule {
	if p == nil {
		return nil
	}
	var rules []Rule
	for _, r := range p.rules {
		rules = append(rules, r.Rule)
	}
	return rules
}

// rule is a Rule and what it is for.
type rule struct {
	Rule
	namespaces []glob
	registries []pattern
}

// For gives the first rule that matches a namespace and a repository, host[:port]/path.
func (p *Policy) For(namespace, repository string) (Rule, error) {
	if p == nil {
		return Rule{Insecure: true, Reach: usual()}, nil
	}
	place := split(repository)
	for _, r := range p.rules {
		if r.covers(namespace, place) {
			return r.Rule, nil
		}
	}
	return Rule{}, fmt.Errorf("no rule permits %q to namespace %q", repository, namespace)
}

func (r rule) covers(namespace string, place []string) bool {
	return anyMatches(r.namespaces, namespace) && anyMatches(r.registries, place)
}

// anyMatches takes no patterns at all for one that matches everything.
func anyMatches[T any, P interface{ matches(T) bool }](patterns []P, value T) bool {
	for _, p := range patterns {
		if p.matches(value) {
			return true
		}
	}
	return len(patterns) == 0
}
