package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/picloud/picloud/internal/testenv"
)

// device is a client of MQTT 5, of a library that other people's devices use.
type device struct {
	*paho.Client
	conn net.Conn
	t    *testing.T
	got  chan string
	errs chan error
}

// secretOf makes a device, as its owner does.
func (u *user) secretOf(name string, flags ...string) string {
	u.t.Helper()
	var made struct{ Secret, Username string }
	u.json(&made, append([]string{"devices", "add", name}, flags...)...)
	return made.Secret
}

// tryConnect signs a device in.
func tryConnect(t *testing.T, conn net.Conn, username, password string, edits ...func(*paho.Connect)) (*device, error) {
	t.Helper()
	d := &device{conn: conn, t: t, got: make(chan string, 1000), errs: make(chan error, 10)}
	d.Client = paho.NewClient(paho.ClientConfig{
		Conn: conn, PacketTimeout: testenv.Patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			d.got <- p.Packet.Topic + " " + string(p.Packet.Payload)
			return true, nil
		}},
		OnClientError:      func(err error) { d.errs <- err },
		OnServerDisconnect: func(p *paho.Disconnect) { d.errs <- fmt.Errorf("disconnected: %#x", p.ReasonCode) },
	})
	c := &paho.Connect{ClientID: "same-id", CleanStart: true, KeepAlive: 30, Username: username, Password: []byte(password), UsernameFlag: true, PasswordFlag: true}
	for _, e := range edits {
		e(c)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience)
	defer cancel()
	answer, err := d.Connect(ctx, c)
	if err == nil && answer.ReasonCode != 0 {
		err = fmt.Errorf("refused: %#x", answer.ReasonCode)
	}
	return d, err
}

func connect(t *testing.T, s *server, username, password string, edits ...func(*paho.Connect)) *device {
	t.Helper()
	d, err := tryConnect(t, dialMQTT(t, s), username, password, edits...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func dialMQTT(t *testing.T, s *server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (d *device) subscribe(filters ...string) {
	d.t.Helper()
	s := &paho.Subscribe{}
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, paho.SubscribeOptions{Topic: f, QoS: 1})
	}
	if _, err := d.Subscribe(d.t.Context(), s); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) publish(topic, payload string) error {
	_, err := d.Publish(d.t.Context(), &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(payload)})
	return err
}

func (d *device) want(list ...string) {
	d.t.Helper()
	for _, want := range list {
		select {
		case got := <-d.got:
			if got != want {
				d.t.Fatalf("the device got %q, want %q", got, want)
			}
		case err := <-d.errs:
			d.t.Fatalf("the device was to get %q: %v", want, err)
		case <-time.After(testenv.Patience):
			d.t.Fatalf("the device did not get %q", want)
		}
	}
}

// TestSensors does what docs/guides/mqtt.md says, over a kill of the server.
func TestSensors(t *testing.T) {
	t.Parallel()
	s := startServer(t, "PICLOUD_MQTT_LISTEN=127.0.0.1:0")
	s.listen = strings.TrimPrefix(s.public, "http://")
	u := signIn(t, s)
	u.guide("mqtt.md", "sensors")
	u.run("deploy", "sensors")
	u.run("apps", "create", "shop")
	kitchen, display, foreign := u.secretOf("kitchen"), u.secretOf("display"), u.secretOf("kitchen", "--app", "shop")

	sensor := connect(t, s, "default/kitchen", kitchen)
	screen := connect(t, s, "default/display", display, func(c *paho.Connect) { c.ClientID = "screen" })
	other := connect(t, s, "shop/kitchen", foreign) // with the id of a client of another app
	screen.subscribe("sensors/+/temperature", "alarms/#")
	other.subscribe("#")
	if err := sensor.publish("sensors/kitchen/temperature", "21.5"); err != nil {
		t.Fatal(err)
	}
	screen.want("sensors/kitchen/temperature 21.5")
	for i := range 20 {
		if err := sensor.publish("sensors/kitchen/temperature", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		screen.want(fmt.Sprint("sensors/kitchen/temperature ", i))
	}
	if err := sensor.publish("sensors/kitchen/temperature", "31"); err != nil {
		t.Fatal(err)
	}
	screen.want("sensors/kitchen/temperature 31", `alarms/heat {"celsius":31,"device":"kitchen"}`)
	testenv.Eventually(t, "what was measured is kept", func() bool {
		return do(t, http.MethodGet, s.public+"/temperatures", "").body == `{"kitchen":31}`
	})
	follow(t, s.public+"/temperatures/live", "").want(`data: {"celsius":31,"device":"kitchen"}`)

	// What was acknowledged is there after a kill.
	if err := sensor.publish("sensors/kitchen/temperature", "22"); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	_ = s.Wait(t) // by a signal
	s.start()
	testenv.Eventually(t, "what was acknowledged is kept", func() bool {
		return do(t, http.MethodGet, s.public+"/temperatures", "").body == `{"kitchen":22}`
	})

	if len(other.got) > 0 {
		t.Errorf("a device of another app got %q", <-other.got)
	}
	sensor = connect(t, s, "default/kitchen", kitchen)
	u.login(s, ownerName, ownerPassword) // the admin listener has another port now
	u.run("devices", "remove", "kitchen")
	if err := <-sensor.errs; !strings.Contains(err.Error(), "0x87") {
		t.Errorf("a device that is removed: %v", err)
	}
	if _, err := tryConnect(t, dialMQTT(t, s), "default/kitchen", kitchen); err == nil {
		t.Error("a device that was removed is let in")
	}
	s.stop()
}

// TestDevices goes to the limits of what devices may do.
func TestDevices(t *testing.T) {
	t.Parallel()
	s := startServer(t, "PICLOUD_MQTT_LISTEN=127.0.0.1:0")
	u := signIn(t, s)
	u.write("p/picloud.toml", "[[scripts]]\nfile = \"s.rhai\"\nstreams = [\"a.b\", \"gone\"]\n")
	u.write("p/s.rhai", `fn handle(req) { publish("a.b", req.body, #{ key: "web" }); () }`)
	u.run("deploy", "p")
	secret := u.secretOf("one")
	if out := u.run("devices"); strings.Contains(out, secret) || !strings.Contains(out, "default/one") {
		t.Errorf("devices lists\n%s", out)
	}
	if audit := u.run("audit", "-o", "json"); strings.Contains(audit, secret) {
		t.Error("the audit log holds a secret")
	}
	u.fails(failed, []string{"devices", "add", "one"}, "already")
	u.fails(failed, []string{"devices", "add", "No!"}, "not the name")
	for what, c := range map[string][2]string{
		"a wrong secret": {"default/one", secret + "x"}, "no secret": {"default/one", ""}, "another app": {"shop/one", secret}, "no app": {"one", secret}, "no such device": {"default/two", secret},
	} {
		if _, err := tryConnect(t, dialMQTT(t, s), c[0], c[1]); err == nil {
			t.Errorf("%s is let in", what)
		}
	}

	d := connect(t, s, "default/one", secret, func(c *paho.Connect) { c.ClientID = "" })
	if err := d.publish("Bad/Topic", "1"); err == nil {
		t.Error("a topic that is none is acknowledged")
	}
	if err := d.publish("nobody/listens", "1"); err != nil {
		t.Errorf("a topic that nobody listens to: %v", err)
	}
	d.subscribe("a/b")
	if _, err := d.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "$share/g/a/b", QoS: 1}}}); err == nil {
		t.Error("a shared subscription is taken")
	}
	do(t, http.MethodPost, s.public+"/s", "from the web")
	d.want("a/b from the web")
	if _, err := d.Publish(t.Context(), &paho.Publish{Topic: "a/b", QoS: 2, Payload: []byte("twice no, once")}); err != nil {
		t.Errorf("QoS 2: %v", err)
	}
	d.want("a/b twice no, once")
	if _, err := d.Unsubscribe(t.Context(), &paho.Unsubscribe{Topics: []string{"a/b"}}); err != nil {
		t.Fatal(err)
	}
	witness := connect(t, s, "default/one", secret, func(c *paho.Connect) { c.ClientID = "witness" })
	witness.subscribe("#")
	do(t, http.MethodPost, s.public+"/s", "unheard")
	witness.want("a/b unheard")
	d.subscribe("a/b")
	do(t, http.MethodPost, s.public+"/s", "heard")
	d.want("a/b heard")

	// A last will is a message; a topic that becomes a stream is one at once.
	mortal := connect(t, s, "default/one", secret, func(c *paho.Connect) {
		c.ClientID = "mortal"
		c.WillMessage = &paho.WillMessage{Topic: "gone", Payload: []byte("farewell"), QoS: 1, Retain: true}
	})
	d.subscribe("gone", "later")
	u.write("p/picloud.toml", "[[scripts]]\nfile = \"s.rhai\"\nstreams = [\"a.b\", \"gone\", \"later\"]\n")
	u.run("deploy", "p")
	mortal.conn.Close()
	d.want("gone farewell")
	testenv.Eventually(t, "the new stream is followed", func() bool {
		u.run("publish", "later", `"now"`)
		select {
		case got := <-d.got:
			return got == "later now"
		default:
			return false
		}
	})

	// A packet that is too large ends the connection, and nothing else.
	huge := connect(t, s, "default/one", secret, func(c *paho.Connect) { c.ClientID = "huge" })
	if err := huge.publish("a/b", strings.Repeat("x", 300<<10)); err == nil {
		t.Error("a packet of 300 KiB is taken")
	}
	d.drain()
	if err := d.publish("a/b", "still here"); err != nil {
		t.Error(err)
	}
	d.want("a/b still here")
	s.stop()
}

// drain forgets what has come.
func (d *device) drain() {
	for len(d.got) > 0 {
		<-d.got
	}
}

// TestOldDevices speaks MQTT 3.1.1, byte by byte: an acknowledgement for a
// message that is on disk, none for one that is refused.
func TestOldDevices(t *testing.T) {
	t.Parallel()
	s := startServer(t, "PICLOUD_MQTT_LISTEN=127.0.0.1:0")
	u := signIn(t, s)
	secret := u.secretOf("old")
	text := func(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }
	packet := func(kind byte, body string) string { return string([]byte{kind, byte(len(body))}) + body }
	conn := dialMQTT(t, s)
	conn.SetDeadline(time.Now().Add(testenv.Patience))
	expect := func(what, want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
			t.Fatalf("%s: % x, %v; want % x", what, got, err, want)
		}
	}
	io.WriteString(conn, packet(0x10, text("MQTT")+"\x04\xc0\x00\x3c"+text("me")+text("default/old")+text(secret))) // a session that is to be kept: it is not
	expect("CONNACK", "\x20\x02\x00\x00")
	io.WriteString(conn, packet(0x33, text("a/b")+"\x00\x07"+"ON")) // QoS 1, retained: it is not
	expect("PUBACK", "\x40\x02\x00\x07")
	io.WriteString(conn, packet(0x32, text("NO")+"\x00\x08"+"ON"))
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a message on a topic that is none: %d bytes, %v", n, err)
	}

	silent := dialMQTT(t, s) // says nothing at all, and does not keep the server from stopping
	defer silent.Close()
	s.stop()
}

// TestDevicesWithTLS speaks MQTT over TLS, with a certificate that is renewed
// while the server runs.
func TestDevicesWithTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := writeCertificate(t, dir, 1)
	s := startServer(t, "PICLOUD_MQTT_LISTEN=127.0.0.1:0", "PICLOUD_MQTT_TLS_CERT="+filepath.Join(dir, "cert.pem"), "PICLOUD_MQTT_TLS_KEY="+filepath.Join(dir, "key.pem"))
	u := signIn(t, s)
	secret := u.secretOf("one")
	dial := func(roots *x509.CertPool) (net.Conn, error) {
		return tls.Dial("tcp", s.mqtt, &tls.Config{RootCAs: roots})
	}
	conn, err := dial(first)
	if err != nil {
		t.Fatal(err)
	}
	d, err := tryConnect(t, conn, "default/one", secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.publish("a", "1"); err != nil {
		t.Error(err)
	}
	second := writeCertificate(t, dir, 2)
	if conn, err = dial(second); err != nil {
		t.Errorf("the new certificate: %v", err)
	} else {
		conn.Close()
	}
	if _, err := tryConnect(t, dialMQTT(t, s), "default/one", secret); err == nil {
		t.Error("a device is let in without TLS")
	}
	s.stop()
}

// writeCertificate makes a certificate for 127.0.0.1, and who trusts it.
func writeCertificate(t *testing.T, dir string, serial int64) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, b := range map[string]*pem.Block{"key.pem": {Type: "PRIVATE KEY", Bytes: private}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}} {
		text := pem.EncodeToMemory(b)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if name == "cert.pem" {
			pool.AppendCertsFromPEM(text)
		}
	}
	// The file's time has to differ, however coarse the file system's clock is.
	at := time.Now().Add(time.Duration(serial) * time.Second)
	if err := os.Chtimes(filepath.Join(dir, "cert.pem"), at, at); err != nil {
		t.Fatal(err)
	}
	return pool
}
