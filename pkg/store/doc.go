// Package store keeps the bytes that the agent serves, in one folder.
//
// Put writes an archive and gives the object it belongs to an [Entry] for it; Restore puts back one that was lost; Latest, Stat
// and Open find entries again; Prune and Remove drop them.
//
//   - Bytes are kept under their digest, equal bytes once, however many objects have an entry for them.
//   - Bytes are no permission: an object reads what was put for that object, and nothing else.
//   - Bytes match their digest when they are served. What an earlier process left is hashed once before it is first opened, and
//     is gone when it does not match.
//   - A Put is done or did not happen, also when the process is killed or the disk is full; it is durable when it returns.
//   - No name leaves the folder: names and digests are validated, and every file is opened below the folder.
//
// The store bounds neither the size of what is put nor the number of entries; its callers do. One process at a time uses a folder:
// a second one is refused.
package store
