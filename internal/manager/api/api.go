// Package api holds the types that travel between the manager and its clients
// as JSON. The OpenAPI description is generated from them, and the
// command-line client speaks with them.
//
// Times are RFC 3339 in UTC. A field that is absent and one that is empty mean
// the same unless a comment says otherwise. Lists are never null.
package api

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Prefix is where the API lives on the admin listener.
const Prefix = "/api/v1"

// Setup asks for the first owner to be made.
type Setup struct {
	Token    string `json:"token" doc:"The token of the one-time setup link"`
	Username string `json:"username" doc:"Lower-case letters, digits, hyphen, underscore and dot"`
	Email    string `json:"email"`
	Password string `json:"password" doc:"At least 10 characters"`
}

// Login asks for a session.
type Login struct {
	Login    string `json:"login" doc:"User name or e-mail address"`
	Password string `json:"password"`
	Cookie   bool   `json:"cookie,omitempty" doc:"Put the token into a cookie that scripts cannot read, and not into the answer: what a browser asks for"`
}

// SignedIn is a new session, or with mfa_required, what is still asked for: then
// nobody is signed in yet.
type SignedIn struct {
	Token     string        `json:"token,omitempty" doc:"To be sent as a bearer token; absent when a cookie was asked for"`
	ExpiresAt time.Time     `json:"expires_at,omitzero" doc:"When the session ends unless it is used"`
	User      *picloud.User `json:"user,omitempty"`
	MFA       *Challenge    `json:"mfa_required,omitempty" doc:"The password was right, and a second factor is needed"`
}

// Me is who is asking.
type Me struct {
	User         picloud.User     `json:"user"`
	SessionID    string           `json:"session_id,omitempty" doc:"Absent for a key"`
	Key          *picloud.APIKey  `json:"key,omitempty" doc:"The key that asks, when one does"`
	Capabilities []string         `json:"capabilities" doc:"What may be done on the instance; what may be done in an app is told with the app"`
	Apps         []picloud.Member `json:"apps" doc:"What the user belongs to. Owners and admins reach every app"`
}

// Sessions lists where a user is signed in.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

// Session is one signed-in device.
type Session struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Address    string    `json:"address"`
	UserAgent  string    `json:"user_agent"`
	Current    bool      `json:"current" doc:"It is the session that asks"`
}

// ChangePassword replaces one's own password.
type ChangePassword struct {
	OldPassword string `json:"old_password"`
	NewPassword string `json:"new_password"`
	ExpireKeys  bool   `json:"expire_keys,omitempty" doc:"Make all of one's API keys expire as well"`
}

// Apps lists apps.
type Apps struct {
	Apps []App `json:"apps"`
}

// App is an app with its address.
type App struct {
	Name      string    `json:"name"`
	URL       string    `json:"url" doc:"Where its scripts answer"`
	CreatedAt time.Time `json:"created_at"`
	// Role and Capabilities are of whoever asks, and with a single app only.
	Role         picloud.AppRole `json:"role,omitempty" enum:"admin,editor,viewer" doc:"What the user who asks is in the app; absent for owners and admins of the instance who do not belong to it"`
	Capabilities []string        `json:"capabilities,omitempty" doc:"What whoever asks may do in the app; only with a single app"`
}

// NewApp asks for an app.
type NewApp struct {
	Name string `json:"name" doc:"It becomes a part of host names: lower-case letters, digits and hyphens"`
}

// Scripts lists scripts.
type Scripts struct {
	Scripts []Script `json:"scripts"`
}

// Script is a script with its live version.
type Script struct {
	App           string           `json:"app"`
	Name          string           `json:"name"`
	Enabled       bool             `json:"enabled"`
	Version       int              `json:"version" doc:"The number of the live version"`
	LatestVersion int              `json:"latest_version"`
	Hash          string           `json:"hash" doc:"SHA-256 of the live version's source and settings"`
	SourceBytes   int              `json:"source_bytes"`
	Settings      picloud.Settings `json:"settings"`
	Note          string           `json:"note,omitempty"`
	Routes        []string         `json:"routes" doc:"As 'METHOD /path', or '/path' for every method"`
	URLs          []string         `json:"urls" doc:"Where the routes answer"`
	CreatedAt     time.Time        `json:"created_at"`
	UpdatedAt     time.Time        `json:"updated_at"`
}

// Versions is a page of a script's versions, newest first.
type Versions struct {
	Live     int               `json:"live" doc:"The number of the live version"`
	Versions []picloud.Version `json:"versions"`
	Before   int               `json:"before,omitempty" doc:"What to ask for as 'before' to get the next page; absent on the last"`
}

// Source is the text of one version.
type Source struct {
	Version picloud.Version `json:"version"`
	Source  string          `json:"source"`
}

// Deploy asks for scripts to be made live: all of them or none.
type Deploy struct {
	Scripts []DeployScript `json:"scripts" minItems:"1" maxItems:"200"`
	DryRun  bool           `json:"dry_run,omitempty" doc:"Check and answer as if, and change nothing"`
}

// DeployScript is one script of a deploy.
type DeployScript struct {
	Name      string            `json:"name"`
	Source    string            `json:"source"`
	Routes    []string          `json:"routes,omitzero" doc:"As 'METHOD /path', or '/path' for every method. Absent keeps the routes, or gives a new script /name; empty means none"`
	Settings  *picloud.Settings `json:"settings,omitempty" doc:"Absent keeps those of the live version"`
	Note      string            `json:"note,omitempty"`
	IfVersion int               `json:"if_version,omitempty" minimum:"0" doc:"Refuse unless this is the number of the live version"`
}

// Deployment is what became of a deploy.
type Deployment struct {
	DryRun  bool       `json:"dry_run"`
	Scripts []Deployed `json:"scripts"`
	// Warnings never keep a script from being deployed.
	Warnings []Diagnostic `json:"warnings,omitempty" doc:"What is likely a mistake in the scripts"`
}

// Deployed is what became of one script of a deploy.
type Deployed struct {
	Script          string   `json:"script"`
	App             string   `json:"app"`
	Version         int      `json:"version" doc:"The live version from now on"`
	PreviousVersion int      `json:"previous_version,omitempty" doc:"The live version until now; absent for a new script"`
	Hash            string   `json:"hash"`
	Created         bool     `json:"created" doc:"The script is new"`
	NewVersion      bool     `json:"new_version" doc:"False when the content equals a version that was there"`
	RoutesChanged   bool     `json:"routes_changed"`
	Enabled         bool     `json:"enabled"`
	Routes          []string `json:"routes"`
	URLs            []string `json:"urls"`
}

// Rollback points a script at an older version.
type Rollback struct {
	Version int `json:"version,omitempty" minimum:"0" doc:"Absent or 0 is the one before the live one"`
}

// Check asks whether a source compiles.
type Check struct {
	Source string `json:"source"`
}

// Checked tells what is wrong with a source.
type Checked struct {
	OK          bool         `json:"ok"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// Definitions describes what scripts can call.
type Definitions struct {
	Files []Definition `json:"files"`
}

// Definition is a file in Rhai's format for definitions, as its language server
// reads it: a module's functions and constants, with what they are for.
type Definition struct {
	Name string `json:"name" doc:"The module's name with the ending .d.rhai; __builtin__, __static__ and __scope__ are what needs no module"`
	Text string `json:"text"`
}

// Header is one header field.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Invoke asks for one run of a script on a made-up request.
type Invoke struct {
	Method     string   `json:"method,omitempty" doc:"GET by default, or POST when there is a body"`
	Path       string   `json:"path,omitempty" doc:"Path and query as the script is to see them; by default /name"`
	Headers    []Header `json:"headers,omitempty"`
	Body       string   `json:"body,omitempty"`
	BodyBase64 string   `json:"body_base64,omitempty" doc:"In place of body, for what is not text"`
}

// Invoked is the response of a script.
type Invoked struct {
	InvocationID string   `json:"invocation_id"`
	Status       int      `json:"status"`
	Headers      []Header `json:"headers"`
	Body         string   `json:"body,omitempty"`
	BodyBase64   string   `json:"body_base64,omitempty" doc:"In place of body, when it is not valid UTF-8"`
}

// Invocations is a page of the history, newest first unless it was asked for
// in ascending order.
type Invocations struct {
	Invocations []picloud.Invocation `json:"invocations"`
	Before      int64                `json:"before,omitempty" doc:"What to ask for as 'before' to get older ones; absent on the last page"`
	After       int64                `json:"after,omitempty" doc:"What to ask for as 'after' to get newer ones, in ascending order"`
}

// Logs is a page of lines, newest first unless it was asked for in ascending
// order.
type Logs struct {
	Lines  []picloud.LogLine `json:"lines"`
	Before int64             `json:"before,omitempty" doc:"What to ask for as 'before' to get older ones; absent on the last page"`
	After  int64             `json:"after,omitempty" doc:"What to ask for as 'after' to get newer ones, in ascending order"`
}
