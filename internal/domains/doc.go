// Package domains knows what a custom domain may be called and how it is
// proved that somebody may use it.
//
// # Names
//
// [Normalize] is the one form in which a name is kept and compared: the ASCII
// form of IDNA, in lower case, without a final dot. Addresses, wildcards, single
// labels and names that belong to PiCloud itself are refused.
//
// # Proofs
//
// A domain that was added has a secret challenge. What proves the domain is a
// hash of the two ([Proof]), to be found where only who controls the domain
// can put it: in a TXT record below the domain, or at a well-known path of the
// web server that the domain leads to now. The path holds the challenge and the
// answer has to be the proof, so that a server which merely repeats what it
// was asked for proves nothing.
//
// PiCloud never answers a challenge by itself. A host that leads here and that
// no app has claimed is answered by the default app; were the proof handed out
// by the platform, whoever may add a domain to any app could take such hosts
// away from it.
//
// The fetch goes to an address that a stranger's DNS chose: see [Checker].
package domains
