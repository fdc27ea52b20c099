// Package cli is the picloud command: the server, with everything in one
// process, and the client, which speaks the admin API and nothing else.
//
// # Exit codes
//
//	0  done
//	1  it failed: refused by the server, not reachable, a script that does not
//	   compile, or that answered an invoke with a status of 400 or more
//	2  the command line is wrong
//	3  not signed in, or not allowed
//
// Results go to standard output, everything else to standard error. With
// -o json a result is one JSON value, or one a line where results keep coming.
//
// # Where the client keeps things
//
// login writes the server's address and the session's token into the file
// named by PICLOUD_CONFIG, by default picloud/config.json in the user's
// configuration folder, for its owner's eyes only. PICLOUD_URL and
// PICLOUD_TOKEN go before it. The token in the file is only ever sent to the
// address that it is for.
package cli
