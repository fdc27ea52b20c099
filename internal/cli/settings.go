package cli

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/picloud/picloud/internal/auth"
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/internal/seal"
)

// The addresses that a server listens on unless it is told otherwise. The admin
// API is for this machine only, until somebody says so.
const (
	defaultListen      = ":8080"
	defaultAdminListen = "127.0.0.1:8081"
	defaultData        = "data"
)

// serverSettings is what a server is started with. Every flag has its variable.
type serverSettings struct {
	role        role
	data        string // folder of the embedded database
	files       string // folder of the contents of files; "" is one beside the embedded database, and none without one
	isolate     bool   // the executor is a child process
	socket      string // where the executor listens that somebody else has started; "" is our own
	database    string // URL of a PostgreSQL database; "" is the embedded one
	name        string // of the node; "" is made from the machine's and the port
	listen      string
	adminListen string
	mqttListen  string // "" speaks no MQTT
	mqttCert    string // files of a certificate and its key, for MQTT over TLS; "" is without
	mqttKey     string
	adminURL    string // how browsers reach the admin listener; "" is made from where it listens
	keyFile     seal.Location
	oidc        oidcSettings
	publicURL   string // "" is made from where it listens
	proxies     string // networks of the proxies in front, separated by commas
	resolver    string // DNS server for proofs of domains; "" is the system's
	networks    string // networks in which proofs may be fetched, separated by commas
	outHosts    string // hosts that apps may call which have no list of their own, separated by commas
	outNetworks string // networks that scripts may call besides public addresses, separated by commas
	readyFile   string
	logFormat   string
	logLevel    string
	owner       auth.NewOwner // the zero value asks for none
}

// setting is a flag with the variable that stands in for it.
type setting struct {
	flag, name string
	value      *string
}

// complete fills in what no flag said from the environment, and refuses what
// cannot be meant. changed tells whether a flag was given.
func (s *serverSettings) complete(getenv func(string) string, changed func(flag string) bool) error {
	variables := append(s.oidc.variables(), []setting{
		{"data", "PICLOUD_DATA", &s.data},
		{"database", "PICLOUD_DATABASE", &s.database},
		{"files", "PICLOUD_FILES", &s.files},
		{"node-name", "PICLOUD_NODE_NAME", &s.name},
		{"listen", "PICLOUD_LISTEN", &s.listen},
		{"admin-listen", "PICLOUD_ADMIN_LISTEN", &s.adminListen},
		{"mqtt-listen", "PICLOUD_MQTT_LISTEN", &s.mqttListen},
		{"mqtt-tls-cert", "PICLOUD_MQTT_TLS_CERT", &s.mqttCert},
		{"mqtt-tls-key", "PICLOUD_MQTT_TLS_KEY", &s.mqttKey},
		{"admin-url", "PICLOUD_ADMIN_URL", &s.adminURL},
		{"public-url", "PICLOUD_PUBLIC_URL", &s.publicURL},
		{"trusted-proxies", "PICLOUD_TRUSTED_PROXIES", &s.proxies},
		{"domain-resolver", "PICLOUD_DOMAIN_RESOLVER", &s.resolver},
		{"domain-networks", "PICLOUD_DOMAIN_NETWORKS", &s.networks},
		{"outbound-hosts", "PICLOUD_OUTBOUND_HOSTS", &s.outHosts},
		{"outbound-networks", "PICLOUD_OUTBOUND_NETWORKS", &s.outNetworks},
		{"ready-file", "PICLOUD_READY_FILE", &s.readyFile},
		{"log-format", "PICLOUD_LOG_FORMAT", &s.logFormat},
		{"log-level", "PICLOUD_LOG_LEVEL", &s.logLevel},
		{"executor-socket", "PICLOUD_EXECUTOR_SOCKET", &s.socket},
	}...)
	for _, v := range variables {
		if env := getenv(v.name); env != "" && !changed(v.flag) {
			*v.value = env
		}
	}
	if env := getenv("PICLOUD_ISOLATE"); env != "" && !changed("isolate") {
		isolate, err := strconv.ParseBool(env)
		if err != nil {
			return usagef("PICLOUD_ISOLATE is %q; it can be true or false", env)
		}
		s.isolate = isolate
	}
	database, err := databaseURL(s.database, getenv, changed("database"))
	if err != nil {
		return err
	}
	s.database = database
	s.owner = auth.NewOwner{
		Username: getenv("PICLOUD_OWNER_USERNAME"), Email: getenv("PICLOUD_OWNER_EMAIL"), Password: getenv("PICLOUD_OWNER_PASSWORD"),
	}
	s.oidc.secret = getenv("PICLOUD_OIDC_CLIENT_SECRET")
	s.keyFile = seal.Locate(getenv, s.data)
	return s.validate()
}

func (s *serverSettings) validate() error {
	if s.data == "" && !s.role.cluster {
		return usagef("--data is empty")
	}
	if s.name != "" {
		if err := picloud.ValidateNodeName(s.name); err != nil {
			return usagef("--node-name: %v", message(err))
		}
	}
	if s.database == "" && s.role.cluster {
		return usagef("--database is missing: the processes of a cluster share a PostgreSQL database (also PICLOUD_DATABASE)")
	}
	if s.publicURL == "" && !s.role.public {
		return usagef("--public-url is missing: it is how clients reach the scripts (also PICLOUD_PUBLIC_URL)")
	}
	for _, l := range []struct {
		has           bool
		flag, address string
	}{{s.role.public, "--listen", s.listen}, {s.role.admin, "--admin-listen", s.adminListen}} {
		if _, _, err := net.SplitHostPort(l.address); l.has && err != nil {
			return usagef("%s is %q; it is written HOST:PORT or :PORT", l.flag, l.address)
		}
	}
	if err := s.validateNetworks(); err != nil {
		return err
	}
	if o := s.owner; o != (auth.NewOwner{}) && (o.Username == "" || o.Email == "" || o.Password == "") {
		return usagef("PICLOUD_OWNER_USERNAME, PICLOUD_OWNER_EMAIL and PICLOUD_OWNER_PASSWORD go together; one of them is missing")
	}
	for flag, address := range map[string]*string{"--public-url": &s.publicURL, "--admin-url": &s.adminURL} {
		if *address == "" {
			continue
		}
		u, err := serverURL(*address)
		if err != nil {
			return usagef("%s is %q; it is written http://HOST[:PORT] or https://HOST[:PORT]", flag, *address)
		}
		*address = u
	}
	return nil
}

// databaseURL is the URL of the database: the flag's, the one in PICLOUD_DATABASE,
// or what the file that PICLOUD_DATABASE_FILE names holds. A password has no
// place in a flag, which everybody on the machine can read.
func databaseURL(url string, getenv func(string) string, fromFlag bool) (string, error) {
	if file := getenv("PICLOUD_DATABASE_FILE"); url == "" && !fromFlag && file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("PICLOUD_DATABASE_FILE: %w", err)
		}
		url = strings.TrimSpace(string(text))
	}
	if err := validateDatabase(url); err != nil {
		return "", err
	}
	if fromFlag && holdsPassword(url) {
		return "", hinted("set PICLOUD_DATABASE, name a file that holds the URL in PICLOUD_DATABASE_FILE, or use ~/.pgpass",
			"--database holds a password, which everybody on this machine could read in the list of processes")
	}
	return url, nil
}

func holdsPassword(database string) bool {
	u, err := url.Parse(database)
	if err != nil {
		return true // to be safe
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}

// validateDatabase refuses databases of kinds that are not known. The URL is
// not repeated: it may hold a password.
func validateDatabase(database string) error {
	if database == "" || strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://") {
		return nil
	}
	scheme, _, isURL := strings.Cut(database, "://")
	if !isURL {
		scheme = "a text without a scheme"
	}
	return usagef("--database: %s is not a kind of database that is known; it is written postgres://USER@HOST/DATABASE", scheme)
}

// public is the address of the public listener as clients reach it. A listener
// on every address is reached through this machine's own.
func (s *serverSettings) public(l net.Listener) (*url.URL, error) {
	if s.publicURL != "" {
		return url.Parse(s.publicURL)
	}
	return url.Parse(reachable(l.Addr()))
}

// reachable is the http address of a listener.
func reachable(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	ip := ap.Addr().Unmap()
	if ip.IsUnspecified() {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return fmt.Sprintf("http://%s", netip.AddrPortFrom(ip, ap.Port()))
}

// nodeName is the name of the node that listens on an address. It has to be the
// same whenever the node starts, and another one than those of other nodes.
func (s *serverSettings) nodeName(addr net.Addr) string {
	if s.name != "" {
		return s.name
	}
	host, err := os.Hostname()
	_, port, splitErr := net.SplitHostPort(addr.String())
	name := strings.ToLower(host) + ":" + port
	if err != nil || splitErr != nil || picloud.ValidateNodeName(name) != nil {
		name = "node:" + port
	}
	return name
}
