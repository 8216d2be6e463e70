package start

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// Whatever the start takes, a long run takes no more memory than without.
func TestOnce(t *testing.T) { //nolint:paralleltest // there is one collector
	usual := debug.SetGCPercent(70)
	defer debug.SetGCPercent(usual)
	restored := make(chan int, 1)
	if former := once(300, func(former int) { restored <- former }); former != 70 {
		t.Errorf("it was %d, not 70", former)
	}
	if now := debug.SetGCPercent(300); now != 300 {
		t.Errorf("it is %d, not 300", now)
	}
	runtime.GC()
	if former := <-restored; former != 70 {
		t.Errorf("%d is restored, not 70", former)
	}
}
