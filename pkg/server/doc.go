// Package server lets clusters download what is in the store, over HTTP.
//
//	GET /ocirepository/<namespace>/<name>/<digest>.tar.gz    the bytes of an entry
//	GET /ocirepository/<namespace>/<name>/latest.tar.gz      those of the object's latest entry
//
// What an object advertises and the store lacks is put back first, see [Refill]; who asks for it waits meanwhile. Where it cannot be had
// at the moment the answer is 503 with Retry-After, and 404 only where the object does not advertise it, nor a replica keeps it of what
// was advertised before. [Replicas] is the other side: it downloads from the servers of other replicas, which answer it from their
// stores alone.
//
// HEAD, ranges and conditional requests work as with a file server; the ETag is the digest. All else is 404, or 405 for methods that
// write. There are no listings, no redirects, no other spellings of a path, and no Content-Encoding: clients get the bytes that the
// digest is of.
//
// A download may take as long as it likes while it moves. A client that takes nothing is cut off.
package server
