// Package secrets keeps the secrets of apps. Their values are sealed before they
// reach the database (see package seal), each for its app, name and version, and
// are opened only where they are used: by the orchestrator, when it makes a call
// or a signature for a script. Neither an API nor a script gets one to see.
package secrets
