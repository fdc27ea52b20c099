// Package picloud is the domain: the things that PiCloud is about, the rules
// that hold for them everywhere, and the interfaces between the services.
//
// An instance holds apps. An [App] is a tenant: it owns scripts. A [Script] is
// a named unit of Rhai source; every deploy of it makes (or finds again) an
// immutable [Version], named by the SHA-256 of its source and settings, and
// points the script at it. A [Route] leads from a method and a path to a
// script. A run of one version on one event is an [Invocation], kept with its
// [LogLine]s for as long as the retention allows.
//
// People are [User]s; what proves who they are ([Credentials], sessions) is
// kept in types of its own so that nothing which handles a User can leak a
// hash. Whoever a request acts for, person or, later, API key, is a
// [Principal].
//
// The nodes read a [Snapshot]: everything that is live, loaded at once and
// swapped as a whole when a [Change] is announced.
//
// The package imports the standard library only, holds no state, and every
// function in it is safe for concurrent use. Every error that a user may see
// is an [Error]: it has a stable code for machines, a message for people and a
// cause for the log. [HTTPStatus] is the one place where codes become statuses.
package picloud
