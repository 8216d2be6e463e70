package signature

import (
	"encoding/base64"
	"testing"

	"github.com/opencontainers/go-digest"
)

// Whatever is attached, nothing panics, and nothing that is not of the digest counts.
func FuzzBundle(f *testing.F) {
	made := readFixture(f)
	j := made.judge(f, digest.FromString("x"))
	for _, c := range made.candidates() {
		if isBundle(c.mediaType) {
			f.Add(c.raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		mustFail(t, j, candidate{"x", mediaTypeBundle, raw, nil})
	})
}

func FuzzOlder(f *testing.F) {
	made := readFixture(f)
	j := made.judge(f, digest.FromString("x"))
	for _, c := range made.candidates() {
		if !isBundle(c.mediaType) {
			f.Add(false, c.raw, c.annotations[annotationSignature], c.annotations[annotationCertificate], c.annotations[annotationLog],
				c.annotations[annotationTimestamp])
		}
	}
	payload := base64.StdEncoding.EncodeToString([]byte(`{"predicateType":"` + predicateSign + `","subject":[{"digest":{"sha256":""}}]}`))
	f.Add(true, []byte(`{"payloadType":"application/vnd.in-toto+json","payload":"`+payload+`","signatures":[{"sig":"AAAA"}]}`), "", "", "", "")
	f.Fuzz(func(t *testing.T, envelope bool, raw []byte, sig, certificate, log, stamp string) {
		mediaType := mediaTypeSimple
		if envelope {
			mediaType = mediaTypeEnvelope
		}
		mustFail(t, j, candidate{"x", mediaType, raw, map[string]string{
			annotationSignature: sig, annotationCertificate: certificate, annotationLog: log, annotationTimestamp: stamp,
		}})
	})
}

func mustFail(t *testing.T, j *judge, c candidate) {
	t.Helper()
	fresh := *j
	if _, by, err := fresh.unguarded(t.Context(), c); err == nil {
		t.Errorf("%s is good: %+v", c.raw, by)
	}
}
