package api

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// Domains lists an app's custom domains.
type Domains struct {
	Domains []Domain `json:"domains"`
}

// Domain is a custom domain.
type Domain struct {
	Name       string            `json:"name" doc:"In the ASCII form, in lower case"`
	App        string            `json:"app"`
	Verified   bool              `json:"verified" doc:"It leads to the app"`
	VerifiedBy picloud.ProofKind `json:"verified_by,omitempty" enum:"dns,http,vouch"`
	VerifiedAt time.Time         `json:"verified_at,omitzero"`
	CreatedBy  string            `json:"created_by"`
	CreatedAt  time.Time         `json:"created_at"`
	Proof      *DomainProof      `json:"proof,omitempty" doc:"What would verify it; absent when it is verified"`
}

// DomainProof says what proves a domain: one of the two is enough.
type DomainProof struct {
	RecordName  string `json:"record_name" doc:"The name of a DNS record of type TXT"`
	RecordValue string `json:"record_value"`
	URL         string `json:"url" doc:"Where the web server that the domain leads to now could answer"`
	Body        string `json:"body" doc:"… with this, and nothing else"`
}

// NewDomain asks for a custom domain.
type NewDomain struct {
	Name string `json:"name" doc:"Like shop.example.org; without https://, port or path"`
}

// VerifyDomain asks for a proof to be looked for.
type VerifyDomain struct {
	By picloud.ProofKind `json:"by,omitempty" enum:"dns,http,vouch" doc:"Where to look; absent looks at both. 'vouch' looks nowhere, and is for those who manage the instance"`
}
