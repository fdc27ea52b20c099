package testenv

import (
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// DNS is a name server on loopback that knows what a test tells it. Of any
// other name it says that there is none.
type DNS struct {
	Addr string // to ask it at, over UDP

	mu    sync.Mutex
	texts map[string][]string
	hosts map[string][4]byte
	asked []string
}

// StartDNS starts a name server; it ends with the test.
func StartDNS(tb testing.TB) *DNS {
	tb.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	d := &DNS{Addr: conn.LocalAddr().String(), texts: map[string][]string{}, hosts: map[string][4]byte{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.serve(conn)
	}()
	tb.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return d
}

// Text makes a name have TXT records; without any it has none.
func (d *DNS) Text(name string, texts ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.texts[strings.ToLower(name)] = texts
}

// Host makes a name lead to an address.
func (d *DNS) Host(name string, address [4]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[strings.ToLower(name)] = address
}

// Asked lists the names that were asked for, in order.
func (d *DNS) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

func (d *DNS) serve(conn net.PacketConn) {
	packet := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return // closed
		}
		if answer, ok := d.answer(packet[:n]); ok {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (d *DNS) answer(packet []byte) ([]byte, bool) {
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || len(m.Questions) != 1 {
		return nil, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	d.asked = append(d.asked, name)
	texts, address, host := d.texts[name], d.hosts[name], false
	_, host = d.hosts[name]
	m.Header.Response, m.Header.Authoritative, m.Additionals = true, true, nil
	if len(texts) == 0 && !host {
		m.Header.RCode = dnsmessage.RCodeNameError
	}
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 1}
	switch {
	case q.Type == dnsmessage.TypeTXT:
		for _, t := range texts {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.TXTResource{TXT: []string{t}}})
		}
	case q.Type == dnsmessage.TypeA && host:
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: address}})
	}
	out, err := m.Pack()
	return out, err == nil
}
