// Package forge makes signatures of every kind, good and bad: who signs × where it is kept × what is wrong with it. Nearly all of it is the
// work of those who sign in earnest, the plugin's own packages and the Notary Project's; what they would never make is theirs, changed
// afterwards.
//
//   - [Cells] are all combinations. Those that cannot exist say why: [Cell.Excuse].
//   - [Forge.Make] attaches what a cell is about to an artifact, and tells whom to trust and what a verifier has to say: a [Case].
//
// Where a signature is kept is up to the registry, in part: one with the referrers API is needed for [Referrer], and one without for
// [FallbackTag].
package forge
