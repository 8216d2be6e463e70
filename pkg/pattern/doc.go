// Package pattern compiles regular expressions (RE2) that strangers write: identities to trust, filters of tags.
//
// A short text can be a large program: "(x{100}){10}" has a thousand steps, and the letters of "\pL" are hundreds of ranges. [Steps] says
// how large one is before memory is taken for it, so that several can be bounded together. [Compile] refuses texts of more than 1 KiB and
// programs of more than [MaxSteps].
package pattern
