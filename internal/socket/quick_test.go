package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// pairs are two connected sockets of each kind that is used.
func pairs(t *testing.T, f func(t *testing.T, here, there net.Conn)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			there, err := net.Dial(network, l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			here, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer here.Close()
			defer there.Close()
			f(t, Quick(here), there)
		})
	}
}

func TestEverythingArrives(t *testing.T) {
	pairs(t, func(t *testing.T, here, there net.Conn) {
		var want []byte
		for i := range 300 { // sizes around the bound, and more than a socket holds
			want = append(want, bytes.Repeat([]byte{byte(i)}, i*i)...)
		}
		var sides sync.WaitGroup
		sides.Go(func() { // the other side sends back what it gets
			_, err := io.Copy(there, io.LimitReader(there, int64(len(want))))
			if err != nil {
				t.Error(err)
			}
		})
		sides.Go(func() {
			for i, rest := 1, want; len(rest) > 0; i = i*2%200_001 + 1 {
				n := min(i, len(rest))
				if wrote, err := here.Write(rest[:n]); wrote != n || err != nil {
					t.Errorf("%d of %d bytes are written: %v", wrote, n, err)
					return
				}
				rest = rest[n:]
			}
		})
		got := make([]byte, len(want))
		if _, err := io.ReadFull(here, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("something else comes back: %v", err)
		}
		sides.Wait()
	})
}

func TestEndsAreTold(t *testing.T) {
	pairs(t, func(t *testing.T, here, there net.Conn) {
		half := here.(interface{ CloseWrite() error })
		if n, err := here.Write(nil); n != 0 || err != nil {
			t.Errorf("writing nothing: %d, %v", n, err)
		}
		if err := half.CloseWrite(); err != nil {
			t.Error(err)
		}
		if n, err := there.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the end of writing: %d, %v", n, err)
		}
		if _, err := here.Write([]byte("x")); err == nil {
			t.Error("writing after the end of writing is no error")
		}
		there.Close()
		if n, err := here.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the other side's end: %d, %v", n, err)
		}
		here.Close()
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading after closing: %v", err)
		}
		if _, err := here.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("writing after closing: %v", err)
		}
	})
}

func TestDeadlinesHold(t *testing.T) {
	pairs(t, func(t *testing.T, here, _ net.Conn) {
		if err := here.SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading: %v", err)
		}
		var err error
		for sent := 0; err == nil && sent < 1<<30; sent += 60_000 { // nobody reads: the buffers fill
			_, err = here.Write(make([]byte, 60_000))
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing: %v", err)
		}
	})
}

func TestCloseEndsAWait(t *testing.T) {
	pairs(t, func(t *testing.T, here, _ net.Conn) {
		var reading sync.WaitGroup
		reading.Go(func() {
			if _, err := here.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("what waits ends with %v", err)
			}
		})
		here.Close()
		reading.Wait()
	})
}

func TestOthersStayAsTheyAre(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Quick(a) != a {
		t.Error("a pipe in memory is taken for a socket")
	}
}
