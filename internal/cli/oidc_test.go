package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

func TestProviderSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := (&oidcSettings{}).config(); c != nil || err != nil {
		t.Errorf("without an issuer: %+v, %v", c, err)
	}
	c, err := (&oidcSettings{
		issuer: "https://id.example.org", clientID: "picloud", secret: "from the environment", secretFile: file,
		invite: "example.org, example.net", roleClaim: "groups", roles: "cn=staff=admin,guests=member",
	}).config()
	if err != nil {
		t.Fatal(err)
	}
	if c.ClientSecret != "from the file" || len(c.Invite) != 2 || c.Roles["cn=staff"] != picloud.RoleAdmin || c.Roles["guests"] != picloud.RoleMember {
		t.Errorf("%+v", c)
	}
	for want, o := range map[string]oidcSettings{
		"--oidc-issuer, which is missing": {clientID: "picloud"},
		"VALUE=ROLE":                      {issuer: "https://id.example.org", roles: "staff"},
		"no such file":                    {issuer: "https://id.example.org", secretFile: file + "x"},
	} {
		if _, err := o.config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
