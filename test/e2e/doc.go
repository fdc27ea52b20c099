// Package e2e holds the end-to-end tests: they build the picloud binary, start
// it as a process, and use it as people do, with its own command line and with
// HTTP. Nothing of the platform is linked into them.
//
// Each test has a server of its own on free loopback ports, with its data in a
// temporary folder, so that all of them can run at once. Under -short they are
// skipped.
package e2e
