// Package artifact says what an artifact of Kubernetes configs is: an OCI image manifest with one layer, a tar.gz, and a
// config.
//
//   - [New] builds config, manifest and their descriptors from the facts about a layer. Equal facts give equal bytes; the
//     config depends on the layer alone.
//   - [ParseManifest] and [ParseIndex] read what a registry sent; [ChoosePlatform] and [ChooseLayer] pick from it.
//
// It holds no contents and speaks to nobody. Documents above [MaxManifest] bytes or [MaxValues] values, of another schema version, without valid
// sha256 digests or with negative sizes are refused.
package artifact
