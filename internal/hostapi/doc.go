// Package hostapi is what scripts can see and do: the request they answer,
// the responses they make, and the modules they call.
//
// Every module is one file with one constructor, and [Modules] and [Global]
// list them; nothing registers itself. A script has no other way to the
// outside, so that a run is a function of its version, its event and what the
// [Invocation] answers: the clock and the randomness are the Invocation's too.
//
// # Rules for functions
//
// A function bills operations in proportion to its work and asks for room for
// what it will allocate, both before it does so. A wrong argument is an error
// that says what was expected; the script can catch it.
//
// # Values as responses
//
// [Invocation.Respond] turns what a script returns into a response. A string
// is text, a blob is octets, () is 204, the result of response(), json(),
// text(), html() or redirect() is itself, and everything else is JSON: maps
// with sorted keys, blobs as base64, characters as strings. A plain map is
// never read as a response, so that no key of it is magic.
package hostapi
