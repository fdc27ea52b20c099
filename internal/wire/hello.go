package wire

import (
	"fmt"
	"net"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

const (
	// magic begins a hello, so that whoever else is at the other end is told
	// apart.
	magic = "picloud wire"
	// version is that of the protocol: another one is another language.
	version = 1
	// helloTime is how long the other side may take to say who it is.
	helloTime = 10 * time.Second

	maxMeasures = 64
)

// Hello is what an executor says about itself.
type Hello struct {
	Program  string // the version of its program
	PID      int
	Measures []picloud.Measure // how it is locked down
}

func appendHello(b []byte, h Hello) []byte {
	b = appendCount(appendText(b, magic), version)
	b = appendCount(appendInt(appendText(b, h.Program), int64(h.PID)), len(h.Measures))
	for _, m := range h.Measures {
		b = appendText(appendBool(appendText(b, m.Name), m.Done), m.Detail)
	}
	return b
}

func decodeHello(b []byte) (h Hello, err error) {
	d := &decoder{s: string(b)}
	if d.text() != magic {
		return h, broken("it is no part of PiCloud")
	}
	if v := d.uint(); v != version {
		return h, fmt.Errorf("the other side speaks version %d of the protocol, this one %d: both must be of one release", v, version)
	}
	h.Program, h.PID = d.text(), d.small()
	n := d.count(3)
	if n > maxMeasures {
		return h, broken("%d measures", n)
	}
	for range n {
		h.Measures = append(h.Measures, picloud.Measure{Name: d.text(), Done: d.bool(), Detail: d.text()})
	}
	return h, d.done()
}

// greet says hello and waits for the other side's; the executor's side listens
// first.
func greet(conn net.Conn, r *reader, mine Hello, first bool) (theirs Hello, err error) {
	if err := conn.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return theirs, err
	}
	if first {
		if err := sayHello(conn, mine); err != nil {
			return theirs, err
		}
	}
	if theirs, err = hearHello(r); err != nil {
		return theirs, err
	}
	if !first {
		if err := sayHello(conn, mine); err != nil {
			return theirs, err
		}
	}
	return theirs, conn.SetDeadline(time.Time{})
}

func sayHello(conn net.Conn, mine Hello) error {
	b := appendHello(openFrame(nil, kindHello, 0), mine)
	if _, err := conn.Write(closeFrame(b, 0)); err != nil {
		return fmt.Errorf("say hello: %w", err)
	}
	return nil
}

func hearHello(r *reader) (theirs Hello, err error) {
	h, err := r.head()
	if err != nil {
		return theirs, fmt.Errorf("wait for hello: %w", err)
	}
	if h.kind != kindHello {
		return theirs, broken("it does not say hello")
	}
	payload, _, err := r.payload(h, maxHello)
	if err != nil {
		return theirs, err
	}
	return decodeHello(payload)
}
