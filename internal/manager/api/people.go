package api

import "github.com/picloud/picloud/internal/picloud"

// Audit is a page of the audit log, newest first.
type Audit struct {
	Entries []picloud.AuditEntry `json:"entries"`
	Before  int64                `json:"before,omitempty" doc:"What to ask for as 'before' to get older ones; absent on the last page"`
}
