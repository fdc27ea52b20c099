package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

var errNotSignedIn = errors.New("not signed in")

// credentials is what the client keeps between commands.
type credentials struct {
	URL      string `json:"url"`
	Token    string `json:"token"`
	Username string `json:"username"`
}

// configPath is the file that holds the credentials.
func (c *command) configPath() (string, error) {
	if path := c.Getenv("PICLOUD_CONFIG"); path != "" {
		return path, nil
	}
	dir := c.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return "", hinted("name a file in PICLOUD_CONFIG", "there is no folder for configuration: %w", err)
		}
	}
	return filepath.Join(dir, "picloud", "config.json"), nil
}

// stored reads the file; one that is not there holds nothing.
func (c *command) stored() (credentials, error) {
	path, err := c.configPath()
	if err != nil {
		return credentials{}, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return credentials{}, nil
	}
	if err != nil {
		return credentials{}, err
	}
	var cr credentials
	if err := json.Unmarshal(data, &cr); err != nil {
		return credentials{}, hinted("remove the file and sign in again", "%s is not a configuration: %w", path, err)
	}
	return cr, nil
}

// credentials is what to talk to the server with: the environment goes before
// the file, and the file's token is for the file's address only.
func (c *command) credentials() (credentials, error) {
	env := credentials{URL: c.Getenv("PICLOUD_URL"), Token: c.Getenv("PICLOUD_TOKEN")}
	if env.URL != "" {
		u, err := serverURL(env.URL)
		if err != nil {
			return env, fmt.Errorf("PICLOUD_URL: %w", err)
		}
		env.URL = u
	}
	if env.URL != "" && env.Token != "" {
		return env, nil
	}
	cr, err := c.stored()
	if err != nil {
		return cr, err
	}
	if env.URL != "" && env.URL != cr.URL {
		cr = credentials{URL: env.URL}
	}
	if env.Token != "" {
		cr.Token = env.Token
	}
	if cr.URL == "" || cr.Token == "" {
		return cr, &failure{err: errNotSignedIn, hint: "sign in with: picloud login URL --username USER"}
	}
	return cr, nil
}

// save replaces the file at once, so that no reader and no crash finds half of
// it, and for its owner only.
func (c *command) save(cr credentials) error {
	path, err := c.configPath()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(cr, "", "  ")
	if err != nil {
		return err
	}
	return writeFileAtomic(path, append(data, '\n'))
}

// writeFileAtomic replaces a file by way of a temporary one beside it, with
// mode 0600.
func writeFileAtomic(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".picloud-*") // 0600 by itself
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// serverURL is the address of a server in the one form in which it is kept.
func serverURL(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", usagef("%q is not an address: %v", s, plain(err))
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "", strings.Trim(u.Path, "/") != "":
		return "", usagef("%q is not the address of a server, like http://127.0.0.1:8081", s)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// overheard reports whether others may read what is sent to an address.
func overheard(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "https" {
		return false
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.IsLoopback()
	}
	return host != "localhost" && !strings.HasSuffix(host, ".localhost")
}
