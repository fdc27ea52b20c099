// Package webhook knows by what webhooks are signed: what senders put into the
// headers of a request, and what they compute it from. It reads the headers
// first, so that a request without a signature is refused before its body is
// read, and checks the signature on the body as it came, byte by byte.
//
// What an attacker may choose is bounded: each header counts once only, and of
// a list of signatures the first few are looked at. Signatures are compared in
// constant time, as bytes and not as text.
package webhook
