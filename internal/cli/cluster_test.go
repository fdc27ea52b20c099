package cli

import (
	"strings"
	"testing"
)

func TestClusterProcessesNeedWhatTheyShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		role role
		env  map[string]string
		want string
	}{
		{"a manager without a database", role{admin: true, cluster: true}, map[string]string{"PICLOUD_PUBLIC_URL": "https://pi.example"}, "--database"},
		{"a manager that knows no public address", role{admin: true, cluster: true}, map[string]string{"PICLOUD_DATABASE": "postgres://db/x"}, "--public-url"},
		{"an orchestrator without a database", role{public: true, cluster: true}, nil, "--database"},
	} {
		s := serverSettings{role: c.role, listen: defaultListen, adminListen: defaultAdminListen}
		err := s.complete(func(name string) string { return c.env[name] }, func(string) bool { return false })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one that names %s", c.name, err, c.want)
		}
	}
}
