// Package resource reads Kubernetes objects from files and compares them.
//
//   - [Set.Read] adds what a file holds: YAML of any number of documents, JSON, Lists. Each [Object] keeps its file and line.
//   - [Set.Images] finds the container images that objects name.
//   - [Check] says whether a file can be read at all, and where not.
//   - [Compare] says which objects of two sets were added, removed or changed, and in a changed one which fields. Elements of lists are
//     told by their keys, as Kubernetes tells them. [Diff.Unified] and [Diff.Markdown] show it to people, JSON to programs.
//
// YAML is read as kubectl reads it: yes and on are booleans, merge keys and aliases are followed. Values are those of JSON.
//
// What it refuses: the same key twice, keys that are no scalars, numbers that JSON does not have, documents above [MaxDocument] and files
// above [MaxFile] bytes, values nested deeper than 200, more than 100 directives, and sets that would take more than about 512 MiB of
// memory, aliases followed. A refusal is an [*Error] and names the file and the line. The values of Secrets never leave the package: a
// Diff says where they differ. Paths end after 512 bytes.
package resource
