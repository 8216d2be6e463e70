// Package layout reads and writes OCI image layouts: folders, and tar archives of such folders, that hold artifacts as a registry does (OCI
// image specification, "Image Layout").
//
// [Open] opens one; [Layout.Resolve] finds what a tag names in its index, [Layout.Manifest], [Layout.Blob] and [Layout.CopyBlob] give the
// bytes that a descriptor describes, [Layout.Attached] what belongs to a manifest. [Create] opens a folder to write to it: blobs come first,
// manifests after what they name, and the index, which is what makes an artifact be there, last. [Layout.WriteTar] makes a tar archive, of
// the same bytes whenever the layout holds the same.
//
// A blob or an index is there whole or not at all, however a writer ends; several may write at the same time. What refers to an artifact is
// listed in the index without a name, and what cosign keeps under tags has these as names, as other tools do it, too.
//
// What it refuses: bytes of another digest or size than the descriptor's, manifests and indexes above 4 MiB, files that are links out of
// the folder, what is no regular file, tar archives that are compressed or hold a name twice, one of more than 1,024 bytes or more than
// 100,000 files, and writing to a tar archive.
package layout
