// Package oidc signs in to the built binary with a real OpenID provider that
// runs in the test. It is a module of its own: the provider brings more
// dependencies than the whole of PiCloud has.
package oidc
