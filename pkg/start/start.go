// Package start has the program that imports it begin with as much memory as its start takes: the garbage collector, which would run for the
// first time while the packages are still set up, when there is hardly any garbage, waits until the heap has 16 MiB. From then on it does what
// GOGC says.
//
// It is for a command that mostly ends before that. It has to take effect before main: Go sets up packages without imports of others by the order
// of their paths, and this one comes before half of what the plugin links.
package start

import (
	"runtime"
	"runtime/debug"
)

// firstPercent has the collector wait for the first time until the heap has four times the 4 MiB that it waits for by default.
const firstPercent = 400

var _ = once(firstPercent, func(usual int) { debug.SetGCPercent(usual) })

// once sets the collector's percentage until it has run, and then gives the former one to restore.
func once(percent int, restore func(former int)) int {
	former := debug.SetGCPercent(percent)
	first := new([64]byte) // garbage: when it is found, the collector has run
	runtime.AddCleanup(first, restore, former)
	return former
}
