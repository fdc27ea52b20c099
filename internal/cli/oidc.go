package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/picloud"
)

// maxSecretFile bounds the file of a client secret.
const maxSecretFile = 4 << 10

// oidcSettings is how people sign in with an OpenID provider. Without an
// issuer they do not.
type oidcSettings struct {
	issuer, clientID, name string
	secret                 string // from the environment only: a flag is seen by every process
	secretFile             string
	invite                 string // domains, separated by commas
	roleClaim, roles       string // VALUE=ROLE, separated by commas
}

func (o *oidcSettings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.issuer, "oidc-issuer", "", "OpenID provider with which people may sign in, like https://id.example.org (default none)")
	f.StringVar(&o.clientID, "oidc-client-id", "", "what this server is called at the provider")
	f.StringVar(&o.secretFile, "oidc-client-secret-file", "", "file with the client's secret (or the secret itself in PICLOUD_OIDC_CLIENT_SECRET)")
	f.StringVar(&o.name, "oidc-name", "", "name of the provider, for people (default its host)")
	f.StringVar(&o.invite, "oidc-invite", "", "domains of e-mail addresses, like example.org, whose holders become members when they first sign in; * is all (default none: accounts must be there)")
	f.StringVar(&o.roleClaim, "oidc-role-claim", "", "claim that says what somebody may do, like groups or realm_access.roles")
	f.StringVar(&o.roles, "oidc-roles", "", "what its values mean, like staff=admin,guests=member; without a match, member")
}

// variables lists the flags with their variables.
func (o *oidcSettings) variables() []setting {
	return []setting{
		{"oidc-issuer", "PICLOUD_OIDC_ISSUER", &o.issuer},
		{"oidc-client-id", "PICLOUD_OIDC_CLIENT_ID", &o.clientID},
		{"oidc-client-secret-file", "PICLOUD_OIDC_CLIENT_SECRET_FILE", &o.secretFile},
		{"oidc-name", "PICLOUD_OIDC_NAME", &o.name},
		{"oidc-invite", "PICLOUD_OIDC_INVITE", &o.invite},
		{"oidc-role-claim", "PICLOUD_OIDC_ROLE_CLAIM", &o.roleClaim},
		{"oidc-roles", "PICLOUD_OIDC_ROLES", &o.roles},
	}
}

// config is the provider, or nil. What makes no sense together is refused when
// the service is made from it.
func (o *oidcSettings) config() (*auth.OIDC, error) {
	if o.issuer == "" {
		if *o != (oidcSettings{}) {
			return nil, usagef("the settings of --oidc go with --oidc-issuer, which is missing")
		}
		return nil, nil
	}
	secret, err := o.clientSecret()
	if err != nil {
		return nil, err
	}
	c := &auth.OIDC{Issuer: o.issuer, ClientID: o.clientID, ClientSecret: secret, Name: o.name, Invite: list(o.invite), RoleClaim: o.roleClaim}
	for _, pair := range list(o.roles) {
		// A value of the provider may hold an equals sign, as names in a
		// directory do.
		i := strings.LastIndex(pair, "=")
		if i < 1 {
			return nil, usagef("--oidc-roles: %q is not written VALUE=ROLE", pair)
		}
		if c.Roles == nil {
			c.Roles = map[string]picloud.Role{}
		}
		c.Roles[pair[:i]] = picloud.Role(pair[i+1:])
	}
	return c, nil
}

func (o *oidcSettings) clientSecret() (string, error) {
	if o.secretFile == "" {
		return o.secret, nil
	}
	info, err := os.Stat(o.secretFile)
	if err != nil {
		return "", fmt.Errorf("--oidc-client-secret-file: %w", err)
	}
	if info.Size() > maxSecretFile {
		return "", usagef("--oidc-client-secret-file: %s has more than %d bytes", o.secretFile, maxSecretFile)
	}
	data, err := os.ReadFile(o.secretFile)
	if err != nil {
		return "", fmt.Errorf("--oidc-client-secret-file: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// list splits at commas.
func list(text string) (parts []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
