// Package controller keeps OCIRepository objects and what the agent exposes in step.
//
// A [Reconciler] reads an object, makes an attempt at it, which is package attempt's, and tells the outcome in the object's status and in an
// event. It is the only writer of that status.
//
//   - Where nothing changed nothing is written: no status, no event.
//   - A status tells of the spec it was computed from, or is not written at all.
//   - A failure leaves the last good artifact advertised, also that of a newer revision that nobody signed.
//   - What is advertised and definitely does not have the signature that the spec demands by now is withdrawn. Whose signatures count is
//     read anew for each run: a Secret that is missing or has no key trusts nobody. What could not be found out withdraws nothing.
//   - What a spec asks for and this version cannot do is a failure that says so; nothing is ignored in silence.
//   - Secrets and ServiceAccounts are read by name when they are needed, and never kept. They are listed and watched only where
//     WatchSecrets asks for it, and even then what is in a Secret is not kept.
//   - A run goes by one version of the policy. It ends when another counts, and what was found by what is not in force any more is not written.
//   - What the policy requires is looked at whatever an object's own spec.verify says, also where that cannot be read.
//   - What the policy does not permit is not tried, and what was not permitted is tried again at the interval: the policy may change.
//   - Where several replicas run, one leads and does all of this. The others only keep their stores in step with what is advertised: from
//     each other, asking no registry and writing nothing. Whoever begins to lead looks at every object at once. A [Refill] puts back what
//     a client asks for and the store lacks.
//   - Whatever is new waits for the object's windows: a revision, a first one, and what a changed spec asks for. Windows that cannot be
//     read let nothing pass.
//   - An object that another live controller writes is left to that one, with an event that says so, until that one gives no sign of life.
//   - A run ends when its object is changed, suspended or deleted, and objects of one namespace never take all workers.
//   - Who is notified of events keeps nobody waiting; what such a receiver does not take is lost to it.
//   - It adds no finalizer: what the store holds for objects that are gone is dropped when they go, and at the start.
package controller
