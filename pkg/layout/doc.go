// Package layout reads OCI image layouts: folders that hold artifacts as a registry does (OCI image specification, "Image Layout").
//
// [Open] opens one; [Layout.Resolve] finds what a tag names in its index, [Layout.Manifest] and [Layout.CopyBlob] give the bytes that a
// descriptor describes.
//
// What it refuses: bytes of another digest or size than the descriptor's, manifests and indexes above 4 MiB, files that are links out of
// the folder, and what is no regular file.
package layout
