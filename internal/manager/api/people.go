package api

import "github.com/picloud/picloud/internal/picloud"

// Users lists users.
type Users struct {
	Users []picloud.User `json:"users"`
}

// UserWithApps is a user with the apps that they belong to.
type UserWithApps struct {
	picloud.User
	Apps []picloud.Member `json:"apps"`
}

// NewUser asks for a user.
type NewUser struct {
	Username string       `json:"username" doc:"Lower-case letters, digits, hyphen, underscore and dot"`
	Email    string       `json:"email"`
	Role     picloud.Role `json:"role,omitempty" enum:"owner,admin,member" doc:"admin if absent; only an owner makes an owner"`
	Password string       `json:"password,omitempty" doc:"At least 10 characters. Absent makes a user who cannot sign in with a password until one is set"`
}

// ChangeUser changes a user. What is absent stays.
type ChangeUser struct {
	Email       *string       `json:"email,omitempty"`
	Role        *picloud.Role `json:"role,omitempty" enum:"owner,admin,member" doc:"Only an owner makes or unmakes an owner; nobody raises their own role"`
	Active      *bool         `json:"active,omitempty" doc:"A user who is not active can do nothing; their sessions end"`
	Password    *string       `json:"password,omitempty" doc:"A new password, which ends all sessions. Not one's own: that takes the old one"`
	EndSessions bool          `json:"end_sessions,omitempty" doc:"End all sessions"`
	ExpireKeys  bool          `json:"expire_keys,omitempty" doc:"Make all API keys expire"`
}

// Members lists who belongs to an app.
type Members struct {
	Members []picloud.Member `json:"members"`
}

// PutMember gives a user a role in an app.
type PutMember struct {
	Role picloud.AppRole `json:"role" enum:"admin,editor,viewer"`
}

// Keys lists API keys, newest first.
type Keys struct {
	Keys []picloud.APIKey `json:"keys"`
}

// NewKey asks for an API key.
type NewKey struct {
	Name          string          `json:"name" doc:"What it is for"`
	Scopes        []picloud.Scope `json:"scopes" minItems:"1" maxItems:"8" doc:"One or more of read, deploy, invoke, data, admin"`
	App           string          `json:"app,omitempty" doc:"For this app alone; absent for all that its user reaches"`
	ExpiresInDays int             `json:"expires_in_days,omitempty" minimum:"0" maximum:"366" doc:"90 if absent"`
}

// CreatedKey is a new API key.
type CreatedKey struct {
	Key string `json:"key" doc:"The key itself, to be sent as a bearer token. It is not kept and not shown again"`
	picloud.APIKey
}

// ChangeOptions changes settings of the instance. What is absent stays.
type ChangeOptions struct {
	AuditDays        *int `json:"audit_days,omitempty" doc:"How long the audit log is kept, 7 to 3650 days"`
	ResultHours      *int `json:"result_hours,omitempty" doc:"How long the result of an asynchronous invocation is kept, 1 to 744 hours"`
	IdempotencyHours *int `json:"idempotency_hours,omitempty" doc:"How long the response to an idempotent request is kept, 1 to 744 hours"`
}

// Audit is a page of the audit log, newest first.
type Audit struct {
	Entries []picloud.AuditEntry `json:"entries"`
	Before  int64                `json:"before,omitempty" doc:"What to ask for as 'before' to get older ones; absent on the last page"`
}
