package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/server"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// A client that inflates what is encoded, as Go's does by default, still gets the bytes that the digest is of.
func TestDownload(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	old := put(t, s, web, gzipped(t, "old"))
	body := gzipped(t, "new")
	entry := put(t, s, web, body)
	url := "http://" + serve(t, &server.Server{Store: s}) + "/"
	for _, path := range []string{
		entry.Path(), web.LatestPath(), strings.Replace(entry.Path(), ":", "%3A", 1), strings.Replace(entry.Path(), ":", "%3a", 1),
		entry.Path() + "?query=ignored",
	} {
		response, got := get(t, url+path)
		if response.StatusCode != http.StatusOK || digest.FromBytes(got) != entry.Digest {
			t.Errorf("GET %s = %s, bytes of %s", path, response.Status, digest.FromBytes(got))
		}
		head, none := request(t, http.MethodHead, url+path)
		if head.StatusCode != http.StatusOK || len(none) > 0 {
			t.Errorf("HEAD %s = %s, %d bytes", path, head.Status, len(none))
		}
		for _, h := range []http.Header{response.Header, head.Header} {
			h.Del("Date")
			want := http.Header{
				"Accept-Ranges":          {"bytes"},
				"Content-Length":         {fmt.Sprint(len(body))},
				"Content-Type":           {"application/gzip"},
				"Etag":                   {`"` + string(entry.Digest) + `"`},
				"Last-Modified":          {entry.Modified.Format(http.TimeFormat)},
				"X-Content-Type-Options": {"nosniff"},
			}
			if diff := cmp.Diff(want, h); diff != "" {
				t.Errorf("%s: %s", path, diff)
			}
		}
	}
	if _, got := get(t, url+old.Path()); digest.FromBytes(got) != old.Digest {
		t.Error("the entry before the latest cannot be downloaded")
	}
}

func TestRangesAndConditions(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, []byte("0123456789"))
	etag := `"` + string(entry.Digest) + `"`
	url := "http://" + serve(t, &server.Server{Store: s}) + "/" + entry.Path()
	for name, test := range map[string]struct {
		headers []string
		status  int
		body    string
	}{
		"first bytes":        {[]string{"Range", "bytes=0-3"}, 206, "0123"},
		"the rest":           {[]string{"Range", "bytes=8-"}, 206, "89"},
		"last bytes":         {[]string{"Range", "bytes=-1"}, 206, "9"},
		"beyond the end":     {[]string{"Range", "bytes=10-"}, 416, "invalid range: failed to overlap\n"},
		"resumed":            {[]string{"Range", "bytes=5-", "If-Range", etag}, 206, "56789"},
		"resumed too late":   {[]string{"Range", "bytes=5-", "If-Range", `"sha256:other"`}, 200, "0123456789"},
		"known":              {[]string{"If-None-Match", etag}, 304, ""},
		"known by time":      {[]string{"If-Modified-Since", entry.Modified.Format(http.TimeFormat)}, 304, ""},
		"another is known":   {[]string{"If-None-Match", `"sha256:other"`}, 200, "0123456789"},
		"wanted as it was":   {[]string{"If-Match", `"sha256:other"`}, 412, ""},
		"gzip is acceptable": {[]string{"Accept-Encoding", "gzip"}, 200, "0123456789"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := get(t, url, test.headers...)
			if response.StatusCode != test.status || string(body) != test.body {
				t.Errorf("%s, %q, want %d, %q", response.Status, body, test.status, test.body)
			}
			if encoding := response.Header.Get("Content-Encoding"); encoding != "" {
				t.Errorf("Content-Encoding: %s", encoding)
			}
		})
	}
	response, body := get(t, url, "Range", "bytes=0-1,4-5")
	if response.StatusCode != 206 || !bytes.Contains(body, []byte("01")) || !bytes.Contains(body, []byte("45")) {
		t.Errorf("two ranges: %s, %q", response.Status, body)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	secret := put(t, s, web, []byte("secret"))
	put(t, s, db, []byte("public"))
	base := string(secret.Digest) + ".tar.gz"
	address := serve(t, &server.Server{Store: s})
	for _, path := range []string{
		"/ocirepository", "/ocirepository/", "/ocirepository/apps", "/ocirepository/apps/", "/ocirepository/apps/web",
		"/ocirepository/apps/web/", "//" + secret.Path(), "/./" + secret.Path(), "/x/../" + secret.Path(), "/blobs/sha256/" + secret.Digest.Encoded(),
		"/" + db.Path(secret.Digest), // the bytes are there, for another object
		"/ocirepository/other/web/" + base, "/ocirepository/other/web/latest.tar.gz",
		"/" + web.Path(digest.FromString("nothing")), "/ocirepository/apps/web/latest", "/ocirepository/apps/web/" + secret.Digest.Encoded(),
		"/ocirepository/apps/db/../web/" + base, "/ocirepository/apps/db/%2e%2e/web/" + base, "/ocirepository/apps/db%2f%2e%2e%2fweb/" + base,
		"/ocirepository/apps%2fweb/" + base, "/ocirepository%2Fapps%2Fweb%2F" + base, `/ocirepository\apps\web\` + base,
		"/ocirepository/apps/db%5c..%5cweb/" + base, "/ocirepository/apps/web/" + base + "%00", "/ocirepository/apps/web%00/" + base,
		"/ocirepository/%61pps/web/" + base, "/ocirepository/apps/web/" + strings.Replace(base, ":", "%253A", 1),
		"/%2e%2e/%2e%2e/etc/passwd", "/../../etc/passwd", "/" + strings.Repeat("a/", 4000),
	} {
		status, header, body := raw(t, address, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if status != http.StatusNotFound || body != "404 page not found\n" {
			t.Errorf("GET %s = %d, %q", path, status, body)
		}
		if location := header.Get("Location"); location != "" {
			t.Errorf("GET %s leads to %s", path, location)
		}
	}
}

// A Deployment of source-controller probes the root for readiness.
func TestRootSaysNothing(t *testing.T) {
	t.Parallel()
	address := serve(t, &server.Server{Store: openStore(t)})
	if status, _, body := raw(t, address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); status != http.StatusOK || body != "" {
		t.Errorf("GET / = %d, %q", status, body)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, []byte("bytes"))
	address := serve(t, &server.Server{Store: s})
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} {
		status, header, _ := raw(t, address, method+" /"+entry.Path()+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if allow := header.Get("Allow"); status != http.StatusMethodNotAllowed || allow != "GET, HEAD" {
			t.Errorf("%s = %d, Allow: %q", method, status, allow)
		}
	}
	if status, _, _ := raw(t, address, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); status != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS * = %d", status)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	address := serve(t, &server.Server{Store: openStore(t)})
	request := "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n"
	if status, _, _ := raw(t, address, request); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", status)
	}
}

// A body that is announced and never sent keeps neither the answer back nor the connection open.
func TestBodyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, []byte("bytes"))
	address := serve(t, &server.Server{Store: s})
	request := "GET /" + entry.Path() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
	if status, _, body := raw(t, address, request); status != http.StatusOK || body != "bytes" {
		t.Errorf("status %d, body %q", status, body)
	}
}

func TestDamagedEntryIsNotFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	entry := put(t, before, web, []byte("good"))
	before.Close()
	if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", entry.Digest.Encoded()), []byte("evil"), 0); err != nil {
		t.Fatal(err)
	}
	after, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	url := "http://" + serve(t, &server.Server{Store: after}) + "/"
	for _, path := range []string{entry.Path(), web.LatestPath()} {
		if response, body := get(t, url+path); response.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s = %s, %q", path, response.Status, body)
		}
	}
}

// What is wrong with the disk is for the log, and no client is told of it.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	entry := put(t, s, web, []byte("bytes"))
	s.Close()
	log := make(records, 2)
	recorder := httptest.NewRecorder()
	server := &server.Server{Store: s, Log: slog.New(log)}
	server.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/"+entry.Path(), nil))
	if recorder.Code != http.StatusInternalServerError || recorder.Body.String() != "internal server error\n" {
		t.Errorf("%d, %q", recorder.Code, recorder.Body)
	}
	if record := <-log; record.Level != slog.LevelError || attribute(record, "object").String() != "apps/web" {
		t.Errorf("logged %+v", record)
	}
	if record := <-log; record.Level != slog.LevelDebug || attribute(record, "status").Int64() != 500 {
		t.Errorf("logged %+v", record)
	}
}

// raw sends a request as it is, and reads until the server closes the connection.
func raw(t *testing.T, address, request string) (status int, header http.Header, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, request) // may fail, where the server refuses before the end
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatalf("%.80q: %v", request, err)
	}
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(reader); len(rest) > 0 {
		t.Errorf("%.80q: more than one answer: %q", request, rest)
	}
	return response.StatusCode, response.Header, string(read)
}
