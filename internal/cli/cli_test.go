package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ttext\nlines":   "plain\ttext\nlines",
		"\x1b[31mred\x1b[0m":   `\u{1b}[31mred\u{1b}[0m`,
		"bell\a, return\r":     `bell\u{7}, return\u{d}`,
		"\u009b31m":            `\u{9b}31m`,
		"right \u202eto left":  `right \u{202e}to left`,
		"Grüße, 世界 \U0001f600": "Grüße, 世界 \U0001f600",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestServerURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://127.0.0.1:8081":   "http://127.0.0.1:8081",
		"127.0.0.1:8081":          "http://127.0.0.1:8081",
		"https://Admin.Example/":  "https://admin.example",
		"http://[::1]:8081":       "http://[::1]:8081",
		"ftp://x":                 "",
		"http://":                 "",
		"http://u:p@host":         "",
		"http://host/setup?token": "",
		"http://host/path":        "",
		"http://ho st":            "",
	} {
		got, err := serverURL(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("serverURL(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestOverheard(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"http://127.0.0.1:8081": false, "http://localhost:1": false, "http://[::1]:1": false, "http://x.localhost": false,
		"https://example.org": false, "http://example.org": true, "http://192.168.1.4:8081": true,
	} {
		if got := overheard(in); got != want {
			t.Errorf("overheard(%q) = %v", in, got)
		}
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0.0.0.0:80": "http://127.0.0.1:80", "[::]:8080": "http://127.0.0.1:8080", "127.0.0.1:1": "http://127.0.0.1:1",
		"[::1]:9": "http://[::1]:9", "192.168.1.4:8080": "http://192.168.1.4:8080", "[::ffff:10.0.0.1]:5": "http://10.0.0.1:5",
	} {
		addr, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(addr); got != want {
			t.Errorf("reachable(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestFilesAreReplacedWholeAndPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "down", "config.json")
	for _, text := range []string{"a long first text", "short"} {
		if err := writeFileAtomic(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestDataIsLocked(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(dir); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second server: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestServerSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "database")
	if err := os.WriteFile(file, []byte("postgres://u:p@file/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := func() serverSettings {
		return serverSettings{role: role{public: true, admin: true}, data: "data", listen: defaultListen, adminListen: defaultAdminListen}
	}
	for _, c := range []struct {
		name    string
		env     map[string]string
		changed string
		check   func(serverSettings) bool
		want    string
	}{
		{name: "nothing said", check: func(s serverSettings) bool { return s.listen == ":8080" && s.adminListen == "127.0.0.1:8081" }},
		{name: "the environment", env: map[string]string{"PICLOUD_LISTEN": ":1", "PICLOUD_DATA": "/d"}, check: func(s serverSettings) bool { return s.listen == ":1" && s.data == "/d" }},
		{name: "a flag goes first", env: map[string]string{"PICLOUD_LISTEN": ":1"}, changed: "listen", check: func(s serverSettings) bool { return s.listen == ":8080" }},
		{name: "no port", env: map[string]string{"PICLOUD_LISTEN": "localhost"}, want: "HOST:PORT"},
		{name: "PostgreSQL", env: map[string]string{"PICLOUD_DATABASE": "postgres://u:p@db/x"}, check: func(s serverSettings) bool { return s.database == "postgres://u:p@db/x" }},
		{name: "a file with the database", env: map[string]string{"PICLOUD_DATABASE_FILE": file}, check: func(s serverSettings) bool { return s.database == "postgres://u:p@file/x" }},
		{name: "the environment goes before the file", env: map[string]string{"PICLOUD_DATABASE_FILE": file, "PICLOUD_DATABASE": "postgres://db/x"}, check: func(s serverSettings) bool { return s.database == "postgres://db/x" }},
		{name: "no such file", env: map[string]string{"PICLOUD_DATABASE_FILE": file + ".not"}, want: "PICLOUD_DATABASE_FILE"},
		{name: "no URL", env: map[string]string{"PICLOUD_DATABASE": "hunter2"}, want: "postgres://USER@HOST"},
		{name: "some other database", env: map[string]string{"PICLOUD_DATABASE": "mysql://u:hunter2@db/x"}, want: "mysql"},
		{name: "half an owner", env: map[string]string{"PICLOUD_OWNER_USERNAME": "ada", "PICLOUD_OWNER_PASSWORD": "hunter2"}, want: "one of them is missing"},
		{name: "an owner", env: map[string]string{"PICLOUD_OWNER_USERNAME": "a", "PICLOUD_OWNER_PASSWORD": "b", "PICLOUD_OWNER_EMAIL": "c"}, check: func(s serverSettings) bool { return s.owner.Password == "b" }},
		{name: "a public address", env: map[string]string{"PICLOUD_PUBLIC_URL": "https://Pi.example/"}, check: func(s serverSettings) bool { return s.publicURL == "https://pi.example" }},
		{name: "half a public address", env: map[string]string{"PICLOUD_PUBLIC_URL": "https://pi.example/path"}, want: "--public-url"},
	} {
		s := base()
		err := s.complete(func(name string) string { return c.env[name] }, func(flag string) bool { return flag == c.changed })
		switch {
		case c.want == "" && (err != nil || !c.check(s)):
			t.Errorf("%s: %+v, %v", c.name, s, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the secret is repeated: %v", c.name, err)
		}
	}
}
