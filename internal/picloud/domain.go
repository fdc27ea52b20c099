package picloud

import (
	"context"
	"time"
)

// MaxDomains is how many domains an app may have, verified or not.
const MaxDomains = 100

// Domain is a host name of their own that somebody wants an app to answer on.
// Until it is verified it leads nowhere, and any number of apps may ask for
// the same one: that keeps nobody from what is theirs. Verified, it belongs to
// one app of the instance.
type Domain struct {
	Name      string    `json:"name"` // normalised: ASCII, in lower case, without a final dot
	AppID     string    `json:"app_id"`
	App       string    `json:"app"`
	Challenge string    `json:"challenge"` // what the proof is made of; new each time that the domain is added
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	// VerifiedAt is when the domain was proved to be its owner's; the zero
	// time if it has not been.
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	VerifiedBy ProofKind `json:"verified_by,omitempty"`
}

// Verified reports whether the domain leads to its app.
func (d Domain) Verified() bool { return !d.VerifiedAt.IsZero() }

// ProofKind is how a domain was proved.
type ProofKind string

// The ways to prove a domain.
const (
	ProofDNS   ProofKind = "dns"   // a TXT record below it
	ProofHTTP  ProofKind = "http"  // a file on the web server that it leads to
	ProofVouch ProofKind = "vouch" // the word of who manages the instance
)

// Domains keeps the custom domains of apps. An app or domain that is not there
// is CodeNotFound.
type Domains interface {
	// ListDomains lists an app's domains by name.
	ListDomains(ctx context.Context, app string) ([]Domain, error)
	// DomainByName finds a domain of an app.
	DomainByName(ctx context.Context, app, name string) (Domain, error)
	// AddDomain enters a domain that is yet to be verified. It fails with
	// CodeConflict if the app has it already, if another app has it verified,
	// or if the app has MaxDomains.
	AddDomain(ctx context.Context, d NewDomain) (Domain, error)
	// VerifyDomain makes a domain lead to its app. It fails with CodeConflict
	// if another app has it verified, or if the challenge is no longer the
	// given one: what was proved was for an entry that has gone. A domain that
	// is verified stays as it is.
	VerifyDomain(ctx context.Context, app, name, challenge string, by ProofKind) (Domain, error)
	// DeleteDomain takes a domain from an app. It leads nowhere from then on.
	DeleteDomain(ctx context.Context, app, name string) error
}

// NewDomain asks for a domain to be entered. The name has been normalised.
type NewDomain struct {
	App, Name string
	Challenge string // a fresh secret
	By        string // the user name of whoever asks
}
