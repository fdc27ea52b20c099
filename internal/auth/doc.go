// Package auth knows who somebody is: passwords, second factors, passkeys, an
// OpenID provider, sessions, API keys, the setup link of a new instance, and
// the limits on guessing.
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
// # Steps of a sign-in
//
// Who is in the middle of signing in holds the token of a challenge: 256 random
// bits that are good for one purpose, for five minutes, for a few tries, and
// once. What it stands for is in memory and bounded. A second factor is asked
// for only after the right password, so that nobody learns by guessing who has
// one. It is: a code of an authenticator app, each used once; a passkey; or one
// of ten recovery codes, of 80 bits, of which the hashes are kept. The secret
// of an app is sealed (see package seal).
//
// A passkey that verifies its user signs in alone. What an OpenID provider says
// is believed for an identity that is linked. It is linked by its address only
// if the provider vouches for that, and if the account did not choose the
// address itself: else somebody could lie in wait at another's address.
//
// What changes how somebody signs in takes a [Proof], password and second
// factor, and not just a session that may have been left open.
//
// # Guessing
//
// Failures are counted in memory: a restart forgets them, which costs an
// attacker more than it gives. After a few that are free, each makes the next
// try wait twice as long, up to a quarter of an hour, counted in three ways:
// by account and network together, by network, and by account. The last is
// what strangers with many addresses could use to lock an owner out for ever.
// So it does not hold for a network that the account has a session from; nor
// for passkeys, which cannot be guessed; and who is signed in stays so. An
// account is counted as it was typed, whether there is such a user or not: name
// and address apart, for if they were counted together, one could learn which
// belong to each other.
//
// Nothing in the package runs by itself.
package auth
