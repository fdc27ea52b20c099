// Package access says who may do what. It is one table, [Permissions], of
// capabilities by the roles that have them, and one question to it, [Can].
//
// A role on the instance (owner, admin, member) goes before one in an app
// (admin, editor, viewer): owners and admins reach every app without belonging
// to it, a member only those that they belong to. An API key never has more
// than its user has at that moment, and of that only what its scopes cover.
//
// The package holds no state and asks nobody: whoever calls it knows who is
// there and what they are in the app.
package access
