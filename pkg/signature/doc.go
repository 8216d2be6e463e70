// Package signature signs digests, and tells whether a digest is signed by somebody we trust.
//
//   - [NewPolicy] says whose signatures count: holders of keys, and identities that an OpenID provider vouched for; any one is enough.
//   - [Verifier.Verify] looks for a signature of a digest that the policy accepts; [Verifier.Attestations] for attestations of one
//     predicate type. Both look at what is attached to the digest in its repository: sigstore bundles that refer to it, through the
//     registry's list or the fallback tag, and what older cosign keeps under the tags sha256-<hex>.sig and .att.
//   - [Verifier.Satisfies] holds a digest against a [Requirement]: a signature, or an attestation of which an [Expression] is true.
//     [Required] makes them of a rule of the administrator's policy.
//   - [NewSigner] signs with a key, or as an identity with a key made for the occasion; [Signer.Sign] and [Signer.Attest] attach what
//     cosign verifies. [GenerateKeyPair] and [ParsePrivateKey] know cosign's key files.
//
// What counts: a signature is a DSSE envelope with cosign's signature predicate, or a simple signing payload; an attestation is no
// signature, whoever made it. The digest must be the one that was asked for: a signature binds a digest, not a place, so copies of a
// signed artifact are signed. What an identity signed needs an entry in a transparency log of the trusted root (where the root names
// any) and a proof, by that log or a timestamp authority, that it was made while the certificate was valid; what a key signed needs
// neither.
//
// Notary Project signatures (notation's) are verified, not made. A trust policy says whose certificates count, by repository; all certificates
// are in every trust store. No plugin is run, and no address in a certificate is called: who was revoked, lists say that come with the
// policy. Statements that verify nobody (levels skip and audit) make no policy.
//
// What it refuses: a policy of nobody, which is never "anyone"; roots that prove no time; evidence beyond bounds: 1,000 attached
// manifests are listed and 64 candidates looked at, the newest first, of which 16 are kept for the older tag; signatures up to 1 MiB and
// attestations up to 8 MiB, one at a time, and larger ones than 1 MiB one at a time of all searches; statements of up to 300,000 JSON values.
//
// Why nothing was found is an [*Error] whose [Kind] tells the cases apart. [KindUnreachable] alone says nothing about the artifact:
// evidence, or the trusted root, could not be had, and what was verified before stays verified. The texts name keys, identities and
// digests as the evidence has them, quoted and cut.
package signature
