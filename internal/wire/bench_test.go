//go:build unix

package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// hello is a small request and its small answer.
func helloExecution() *picloud.Execution {
	x := &picloud.Execution{
		ID: "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7a", AppID: "01932c07-209f-7c4e-a3b1-5d1f0c9e8b7b", App: "default", Script: "hello", Version: 3,
		Hash: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", Limits: picloud.DefaultLimits(), Trigger: picloud.TriggerHTTP,
	}
	x.Request = &picloud.Request{
		Method: "GET", Scheme: "http", Host: "localhost:8080", Path: "/hello", IP: "127.0.0.1",
		Header: http.Header{"User-Agent": {"curl/8"}, "Accept": {"*/*"}},
	}
	return x
}

type helloRunner struct{}

func (helloRunner) Run(context.Context, *picloud.Execution, picloud.Host) *picloud.Outcome {
	return &picloud.Outcome{
		Response:   &picloud.Response{Status: 200, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte("hello")},
		Operations: 12, PeakBytes: 345, Duration: time.Microsecond,
	}
}

// spent reports what an operation costs in processor time, in which other
// work on the machine shows less than in time.
func spent(b *testing.B, f func()) {
	b.Helper()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	b.ResetTimer()
	f()
	b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkHello compares ways to have a run done that does nothing: a call, our
// frames, and HTTP/2 over a Unix socket with the same payloads. Both ends are in
// this process, sixteen callers at a time for each processor.
func BenchmarkHello(b *testing.B) {
	const callers = 16
	b.Run("call", func(b *testing.B) {
		b.SetParallelism(callers)
		spent(b, func() {
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					helloRunner{}.Run(b.Context(), helloExecution(), nil)
				}
			})
		})
	})
	b.Run("frames", func(b *testing.B) {
		l := listen(b)
		var serving sync.WaitGroup
		serving.Go(func() {
			conn, err := l.Accept()
			if err == nil {
				_ = Serve(context.Background(), conn, ServeConfig{Runner: helloRunner{}, Log: slog.New(slog.DiscardHandler)})
			}
		})
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		c, err := Dial(conn, ClientConfig{Program: "bench", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		defer serving.Wait()
		defer c.Close()
		b.SetParallelism(callers)
		spent(b, func() {
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if o, err := c.Run(b.Context(), helloExecution(), nil); err != nil || o.Error != nil {
						b.Errorf("%+v, %v", o, err)
						return
					}
				}
			})
		})
	})
	b.Run("h2c", func(b *testing.B) {
		l := listen(b)
		client, stop := serveHTTP2(l)
		defer stop()
		b.SetParallelism(callers)
		spent(b, func() {
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := postRun(client); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	})
}

func listen(b *testing.B) net.Listener {
	b.Helper()
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "s"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// serveHTTP2 serves runs as an HTTP server without TLS does.
func serveHTTP2(l net.Listener) (client *http.Client, stop func()) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1000}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		x, _, err := decodeExecution(body, true)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(appendOutcome(nil, helloRunner{}.Run(r.Context(), x, nil)))
	})}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	})
	transport := &http.Transport{Protocols: &protocols, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
	}}
	return &http.Client{Transport: transport}, func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	}
}

func postRun(client *http.Client) error {
	x := helloExecution()
	resp, err := client.Post("http://executor/run", "application/octet-stream", bytes.NewReader(appendExecution(nil, x, 0)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	_, err = decodeOutcome(body, true, &x.Limits)
	return err
}
