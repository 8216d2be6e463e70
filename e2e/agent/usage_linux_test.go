package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// usage reads what proc(5) describes.
func (a *agent) usage(t *testing.T) usage {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", a.PID())
	files, err := os.ReadDir(dir + "fd")
	if err != nil {
		t.Fatal(err)
	}
	statm := numbers(t, dir+"statm", 1, 2)
	stat := numbers(t, dir+"stat", 13, 15) // hundredths of a second
	return usage{
		cpu:   time.Duration(stat[0]+stat[1]) * time.Second / 100,
		rss:   statm[0] * os.Getpagesize(),
		files: len(files),
	}
}

// numbers reads some fields of a file, counted from 0. The name of the program in parentheses is one.
func numbers(t *testing.T, path string, from, to int) []int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if name := bytes.LastIndexByte(raw, ')'); name >= 0 {
		raw = append([]byte("pid name"), raw[name+1:]...)
	}
	var all []int
	for _, field := range strings.Fields(string(raw))[from:to] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}
