// Package archive turns a folder into one reproducible tar.gz, and reads archives from people nobody trusts.
//
//   - [Pack] writes a folder ([OpenDir]), a file ([OpenFile]) or bytes that were spooled ([FromSpool]) as an archive: one pass over
//     the contents, compression on all cores, the same bytes for the same tree whatever the machine.
//   - [Extract] unpacks an archive into a folder and never touches anything outside it.
//   - [Walk] shows what an archive holds, and unpacks nothing.
//   - [Judge] reads an archive once and says whether its bytes may be served as they are; [Verdict.Repack] writes it anew
//     where they may not. [IsText] tells what is no archive but one file.
//   - [Spool] keeps compressed bytes, in memory while they are few, until they are sent or stored.
//
// A tar is read in gzip, in zstd or as it is: its bytes say which. What is packed or read are regular files and folders.
// Ignore rules leave files out exactly as Flux's source-controller does: .sourceignore files at any depth, version control
// files always, and a default list that any other rule replaces.
//
// An archive is refused when a name is absolute, climbs with "..", holds a backslash or appears twice, when an entry lies
// below something that is no folder, when a link leaves the tree, for devices, FIFOs and sockets, when anything but zeros
// follows its end, above every one of its [Limits], and where zstd needs a dictionary or more than 8 MiB to look back.
package archive
