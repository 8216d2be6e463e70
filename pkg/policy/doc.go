// Package policy reads the administrator's file that says which registries objects may use, and how, and what must be verified of the
// artifacts.
//
// [Parse] reads it once, [Open] reads it again whenever it changes. [Policy.For] gives the one [Rule] that counts for an object: the
// first that matches its namespace and its repository. What a tenant writes on an object can only tighten it. [Policy.Admission] says the same
// to the API server, as far as that can see it.
//
// It is strict: unknown fields, classes of addresses that do not exist, keys that occur twice and patterns that cannot be meant are
// errors that name the line or the field. An object that no rule matches may use nothing. It decides only: whoever connects has to
// keep to the answer.
package policy
