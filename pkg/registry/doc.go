// Package registry talks to OCI registries.
//
// A [Reference] is what a person writes. A [Client] is shared by a whole process: it pools connections per host, TLS material, proxy and
// [Reach], learns once how a host wants to be authenticated, and keeps one token per repository and credential, so that polling an unchanged tag costs one HEAD
// request and nothing else. [Client.Repository] gives a [Repository], on which everything is done: resolve a tag to a descriptor,
// fetch a manifest or a blob by descriptor, list tags, list what refers to a digest, push.
//
// What it refuses: plain HTTP to anything but a loopback host unless [Access.Insecure] allows it, also where a registry redirects;
// manifests, lists of tags or referrers and blobs larger than announced or than the limits; bytes whose digest differs from the
// descriptor's; answers that hardly move; tokens longer than 32 KiB. A registry that says "too many requests" is left alone until the time it named. What a
// client remembers is bounded, whatever it is asked for.
//
// Where [Access.Reach] sets bounds, each connection is held to them after the name was resolved: to the registry, and to wherever that
// one leads. The client library refuses redirects and token services at addresses (not names) of private networks on its own.
//
// A credential goes to the registry it was given for and, where that one asks for tokens, to the token service it names; to nobody
// else, redirects included.
package registry
