package signature

import "testing"

func BenchmarkVerify(b *testing.B) {
	p := newPrivate(b)
	h := newHolder(b, newKey(b))
	for name, who := range map[string]struct {
		signer *Signer
		policy *Policy
	}{"key": {h.signer, h.policy(b)}, "identity": {p.signer(b, alice), p.policy(b, alice)}} {
		for _, form := range []Form{FormBundle, FormTag} {
			b.Run(name+"/"+string(form), func(b *testing.B) {
				repo := open(b, host(b, true, nil))
				subject := pushArtifact(b, repo)
				if _, err := who.signer.Sign(b.Context(), repo, subject, AttachOptions{Form: form}); err != nil {
					b.Fatal(err)
				}
				v := NewVerifier(Options{})
				b.ReportAllocs()
				for b.Loop() {
					if _, err := v.Verify(b.Context(), repo, subject.Digest, who.policy); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
