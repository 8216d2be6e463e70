// Package edit changes single values in YAML and JSON files, and leaves every other byte as it is: comments, quotes, indentation, line ends,
// the order of keys and documents.
//
//   - [Parse] reads a file. [File.Documents] are what it holds, and [Value.Field] and [Value.Items] lead to the values in them.
//   - [Value.Set] changes a scalar, [Value.Add] and [Value.Append] write fields after one, [Value.Replace] puts others in its place.
//   - [File.Bytes] gives the file with all changes made, once it has read the result and found nothing else changed.
//
// What it refuses, with an error that says why: a value that others stand for (anchors and aliases), a key that appears twice, a scalar
// over several lines, fields in braces where more than a scalar changes, files above [MaxFile] bytes, and whatever would read
// differently than intended.
package edit
