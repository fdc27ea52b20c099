package cli

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/mqtt"
)

// listenMQTT takes the address on which devices speak MQTT; nil when there is
// none.
func (s *server) listenMQTT(ctx context.Context) (net.Listener, error) {
	cfg := &s.settings
	if cfg.mqttListen == "" {
		if cfg.mqttCert != "" || cfg.mqttKey != "" {
			return nil, usagef("--mqtt-tls-cert and --mqtt-tls-key need --mqtt-listen")
		}
		return nil, nil
	}
	if (cfg.mqttCert == "") != (cfg.mqttKey == "") {
		return nil, usagef("--mqtt-tls-cert and --mqtt-tls-key go together")
	}
	var pair *certificate
	if cfg.mqttCert != "" {
		pair = &certificate{cert: cfg.mqttCert, key: cfg.mqttKey}
		if _, err := pair.get(nil); err != nil {
			return nil, hinted("both are PEM files, as certbot and others write them", "the certificate for MQTT: %w", err)
		}
	}
	l, err := s.take(ctx, "--mqtt-listen", cfg.mqttListen)
	if err != nil {
		return nil, err
	}
	if pair == nil {
		if exposed(l.Addr()) {
			s.log.Warn("devices' secrets are sent without encryption; use --mqtt-tls-cert where the network is not yours alone", "address", l.Addr().String())
		}
		return l, nil
	}
	return tls.NewListener(l, &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12}), nil
}

// startMQTT lets devices in, where the server listens for them. They are let go
// before the orchestrator stops.
func (s *server) startMQTT() error {
	if s.mqtt == nil {
		return nil
	}
	broker, err := mqtt.New(mqtt.Config{Topics: s.orchestrator, Devices: s.store, Log: s.log})
	if err != nil {
		return err
	}
	s.onClose(broker.Stop)
	return broker.Serve(s.mqtt)
}

// certificate is a certificate in files, which is read again when somebody has
// renewed it.
type certificate struct {
	cert, key string

	mu   sync.Mutex
	at   time.Time // when the file of the loaded one was written
	pair *tls.Certificate
}

// get is the certificate. One that cannot be read, in the middle of being
// renewed, leaves the one before in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.pair != nil && info.ModTime().Equal(c.at) {
		return c.pair, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.cert, c.key); err == nil {
			c.pair, c.at = &pair, info.ModTime()
			return c.pair, nil
		}
	}
	if c.pair != nil {
		return c.pair, nil
	}
	return nil, err
}
