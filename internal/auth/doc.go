// Package auth knows who somebody is: passwords, sessions, the setup link of a
// new instance, and the limits on guessing.
//
// A password is kept as its Argon2id hash with 19 MiB of memory, two passes
// and one lane, which costs some tens of milliseconds on a small machine. At most two are
// computed at a time, so that a flood of logins uses neither all memory nor
// all cores, and an unknown user name costs the same as a wrong password.
//
// A session token is 256 random bits that only its holder has: the store keeps
// the SHA-256. A session ends when it is not used for [SessionIdle], and in
// any case after [SessionMax].
//
// Failed logins are counted by account and by address, in memory: a restart
// forgets them, which costs an attacker more than it gives. One address is
// stopped well before an account is, so that somebody who guesses from one
// place locks out themselves and not the account's owner. Who is signed in
// stays so while their account is locked.
//
// Nothing in the package runs by itself.
package auth
