// Package transfer copies artifacts, with what belongs to them, between registries and layouts.
//
// A [Copier] copies from one [Source] to one [Destination]; [Copier.Copy] copies one artifact. A repository of package registry and a
// layout of package layout are both. Everything keeps its digest: signatures stay what they are. What cosign keeps under a tag is joined
// with what the destination has there.
//
// What is where it goes to already is not sent again, so that a copy that was broken off goes on where it ended, and a copy of a copy costs
// next to nothing. Blobs come before the manifest that names them, what belongs to an artifact after it, and tags at the very end: whoever
// interrupts leaves no tag that names half an artifact, or an artifact whose signature is still on its way. Memory holds manifests
// only.
//
// What it refuses: manifests that are neither an image manifest nor an index; more than 1,000 attachments of one manifest, 10,000
// manifests or 64 MiB of them at a time, or attachments of attachments more than 8 deep, rather than leaving some of them behind unsaid. What a list of
// referrers names and does not exist, or does not refer to the subject, is none, and is passed over.
package transfer
