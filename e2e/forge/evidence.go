package forge

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// evidence is a signature as it is kept: a bundle in a layer, or a layer of text with the rest in its annotations.
type evidence struct {
	manifest ocispec.Manifest
	layer    []byte
}

const (
	annotationSignature = "dev.cosignproject.cosign/signature"
	annotationLog       = "dev.sigstore.cosign/bundle"
)

func (e *evidence) bundled() bool { return e.manifest.Subject != nil }

// tamper changes a bit of the signature.
func (e *evidence) tamper(t testing.TB) {
	t.Helper()
	if !e.bundled() {
		annotations := e.manifest.Layers[0].Annotations
		annotations[annotationSignature] = flip(t, annotations[annotationSignature])
		return
	}
	e.layer = edit(t, e.layer, func(bundle map[string]any) {
		signed := bundle["dsseEnvelope"].(map[string]any)["signatures"].([]any)[0].(map[string]any)
		signed["sig"] = flip(t, signed["sig"].(string))
	})
}

// flip changes a bit of the number that an ECDSA signature ends with.
func flip(t testing.TB, text string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	return base64.StdEncoding.EncodeToString(raw)
}

// takeLog takes the log entry of other evidence.
func (e *evidence) takeLog(t testing.TB, other *evidence) {
	t.Helper()
	if !e.bundled() {
		e.manifest.Layers[0].Annotations[annotationLog] = other.manifest.Layers[0].Annotations[annotationLog]
		return
	}
	var from map[string]any
	if err := json.Unmarshal(other.layer, &from); err != nil {
		t.Fatal(err)
	}
	e.layer = edit(t, e.layer, func(bundle map[string]any) {
		material(bundle)["tlogEntries"] = material(from)["tlogEntries"]
	})
}

func material(bundle map[string]any) map[string]any {
	return bundle["verificationMaterial"].(map[string]any)
}

// edit changes JSON.
func edit(t testing.TB, raw []byte, change func(map[string]any)) []byte {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	change(fields)
	changed, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}
