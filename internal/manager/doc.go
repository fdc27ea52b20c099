// Package manager is the control plane: the admin API under /api/v1, the page
// that sets an instance up, and health.
//
// # How a request travels
//
//	request id, access log, recovery → security headers → the dashboard's pages →
//	is there an owner? → cross-origin protection → route → who is it, may they → body → handler
//
// Before an owner exists, only the setup page, its API call and the health
// checks answer; everything else is 403 with the code setup_required.
//
// Every route is entered with [register], which takes the capability that it
// asks for; package access holds the one table of who has which. A route below
// /apps/{app} asks for one in that app, and to who must not know of the app it
// is not there. A request is
// authenticated by a bearer token, or by the cookie of a browser, before its
// body is read.
//
// # Cookies
//
// A browser that asks for it gets its session in the cookie __Host-picloud:
// HttpOnly, SameSite=Strict, Secure, without a domain. Browsers of the Chromium
// and Firefox families take a Secure cookie on plain http from localhost and
// loopback addresses; anywhere else, and in Safari, signing in with a browser
// takes https, which is as it should be. Requests of other origins that change
// something are refused by [http.CrossOriginProtection] as well.
//
// # Errors
//
// Every error is an api.Problem. Handlers return picloud errors; problem.go is
// the one place where they become HTTP. No answer ever repeats a value that was
// sent.
//
// The manager runs no goroutine and no timer of its own; followers of a log are
// requests that end when [Manager.Drain] is called.
package manager
