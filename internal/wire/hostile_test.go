package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// silentHost answers nothing that it should be asked for.
type silentHost struct{ picloud.Host }

func (silentHost) VersionSource(context.Context, string) (string, error) { return `"source"`, nil }
func (silentHost) LiveVersion(context.Context, string) (string, error) {
	return "", picloud.NotFound("script", "x")
}

// liar is the raw end of a connection to a client that has a run with the id 1.
// What it is given it says; what the client says it drops.
func liar(t *testing.T, says []byte) (outcome *picloud.Outcome, err error) {
	t.Helper()
	here, there := net.Pipe()
	var lying sync.WaitGroup
	var said atomic.Bool // a run may have been taken before anybody saw it running
	lying.Go(func() { _, _ = io.Copy(io.Discard, there) })
	lying.Go(func() {
		hello := appendHello(openFrame(nil, kindHello, 0), Hello{Program: "liar"})
		if _, err := there.Write(closeFrame(hello, 0)); err != nil {
			return
		}
		_, _ = there.Write(says)
		said.Store(true)
	})
	c, err := Dial(here, ClientConfig{Program: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	x := &picloud.Execution{ID: "id", Hash: "mine", Limits: *testLimits()}
	running := make(chan struct{})
	go func() {
		defer close(running)
		outcome, err = c.Run(context.Background(), x, silentHost{})
	}()
	// Having said all, the liar hangs up.
	lying.Go(func() {
		<-c.closed
		there.Close()
	})
	go func() {
		for c.Running() == 0 && c.Err() == nil && !said.Load() {
			runtime.Gosched()
		}
		_, _ = there.Write(nil)
		there.Close()
	}()
	<-running
	c.Close()
	lying.Wait()
	return outcome, c.Err()
}

func frameOf(k kind, id uint64, payload string) []byte {
	return closeFrame(append(openFrame(nil, k, id), payload...), 0)
}

// TestAnExecutorThatLies has what a subverted executor could say: the
// orchestrator drops it, and whoever waits is told.
func TestAnExecutorThatLies(t *testing.T) {
	t.Parallel()
	huge := openFrame(nil, kindOutcome, 1)
	binary.LittleEndian.PutUint32(huge, 1<<32-1)
	for what, says := range map[string][]byte{
		"a length of 4 GiB":           huge,
		"an outcome of nonsense":      frameOf(kindOutcome, 1, "nonsense"),
		"an outcome of nothing":       frameOf(kindOutcome, 1, ""),
		"a run that never was":        frameOf(kindOutcome, 99, ""),
		"a run without an id":         frameOf(kindOutcome, 0, ""),
		"a kind that is not":          frameOf(77, 1, ""),
		"what only orchestrators say": frameOf(kindRun, 1, ""),
		"a call of nothing":           frameOf(kindCall, 1, ""),
		"a call that is not":          frameOf(kindCall, 1, "\x01\x77"),
		"a call with half a text":     frameOf(kindCall, 1, "\x01\x01\x7f"),
		"a call that goes on":         frameOf(kindCall, 1, "\x01\x01\x01xyz"),
		"a pong with a payload":       frameOf(kindPong, 0, "x"),
		"half a frame":                frameOf(kindOutcome, 1, "nonsense")[:15],
		"half a head":                 {1, 2, 3},
		"nothing":                     nil,
	} {
		o, err := liar(t, says)
		if err == nil {
			t.Errorf("%s: the connection stays", what)
		}
		if o != nil && (o.Error == nil || o.Error.Code != picloud.CodeExecutorLost) {
			t.Errorf("%s: the run ends with %+v", what, o)
		}
	}
}

func FuzzExecutorThatLies(f *testing.F) {
	f.Add(frameOf(kindOutcome, 1, string(appendOutcome(nil, fullOutcome(false)))))
	f.Add(frameOf(kindCall, 1, "\x01\x01\x04mine"))
	f.Add(frameOf(kindCall, 1, "\x01\x02\x04mine"))
	f.Add(frameOf(kindPong, 0, ""))
	f.Fuzz(func(t *testing.T, says []byte) { _, _ = liar(t, says) })
}

// fixedRunner answers at once.
type fixedRunner struct{}

func (fixedRunner) Run(context.Context, *picloud.Execution, picloud.Host) *picloud.Outcome {
	return fullOutcome(false)
}

// told serves a connection whose other end says something and hangs up.
func told(t *testing.T, says []byte) error {
	t.Helper()
	here, there := net.Pipe()
	var telling sync.WaitGroup
	telling.Go(func() { _, _ = io.Copy(io.Discard, here) })
	telling.Go(func() {
		defer here.Close()
		hello := appendHello(openFrame(nil, kindHello, 0), Hello{Program: "liar"})
		if _, err := here.Write(closeFrame(hello, 0)); err == nil {
			_, _ = here.Write(says)
		}
	})
	err := Serve(t.Context(), there, ServeConfig{Runner: fixedRunner{}, Log: slog.New(slog.DiscardHandler)})
	telling.Wait()
	return err
}

func TestAnOrchestratorThatLies(t *testing.T) {
	t.Parallel()
	run := string(appendExecution(nil, fullExecution(), 0))
	huge := openFrame(nil, kindRun, 1)
	binary.LittleEndian.PutUint32(huge, 1<<32-1)
	for what, says := range map[string][]byte{
		"a length of 4 GiB":        huge,
		"a run of nonsense":        frameOf(kindRun, 1, "nonsense"),
		"a kind that is not":       frameOf(77, 1, ""),
		"what only executors say":  frameOf(kindOutcome, 1, ""),
		"an answer of nothing":     frameOf(kindAnswer, 1, ""),
		"a cancel with a payload":  frameOf(kindCancel, 1, "x"),
		"a run, and then nonsense": append(frameOf(kindRun, 1, run), frameOf(77, 1, "")...),
	} {
		if err := told(t, says); !errors.Is(err, errProtocol) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, says := range map[string][]byte{
		"nothing":                    nil,
		"a cancel of what never was": frameOf(kindCancel, 9, ""),
		"an answer to nobody":        frameOf(kindAnswer, 9, "\x01"),
		"a run":                      frameOf(kindRun, 1, run),
	} {
		if err := told(t, says); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzOrchestratorThatLies(f *testing.F) {
	f.Add(frameOf(kindRun, 1, string(appendExecution(nil, fullExecution(), 0))))
	f.Add(frameOf(kindAnswer, 1, "\x01\x01\x04mine"))
	f.Add(frameOf(kindPing, 0, ""))
	f.Fuzz(func(t *testing.T, says []byte) { _ = told(t, says) })
}

// TestLengthsAloneTakeNoMemory announces the largest frame there can be, and
// sends a little of it.
func TestLengthsAloneTakeNoMemory(t *testing.T) {
	for _, sent := range []int{0, 1000, 5 * bufferSize} {
		frame := append(openFrame(nil, kindRun, 1), make([]byte, sent)...)
		binary.LittleEndian.PutUint32(frame, maxRun)
		r := newReader(strings.NewReader(string(frame)))
		bounded(t, 4*bufferSize+sent, func() {
			h, err := r.head()
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := r.payload(h, maxRun); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("half a frame: %v", err)
			}
		})
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	t.Parallel()
	newer := appendHello(nil, Hello{})
	newer[len(magic)+1]++
	for what, c := range map[string]struct {
		says []byte
		want string
	}{
		"HTTP":          {[]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "protocol"},
		"another magic": {frameOf(kindHello, 0, "\x03abc"), "no part of PiCloud"},
		"a newer one":   {frameOf(kindHello, 0, string(newer)), "one release"},
		"nobody":        {nil, "hello"},
	} {
		here, there := net.Pipe()
		var speaking sync.WaitGroup
		speaking.Go(func() { _, _ = io.Copy(io.Discard, there) })
		speaking.Go(func() {
			_, _ = there.Write(c.says)
			there.Close()
		})
		if _, err := Dial(here, ClientConfig{Program: "test", Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		speaking.Wait()
	}
}

// nosyRunner asks for sources that are none of its business.
type nosyRunner struct{}

func (nosyRunner) Run(ctx context.Context, x *picloud.Execution, host picloud.Host) *picloud.Outcome {
	var said []string
	for _, hash := range []string{"another's", x.Hash, "module"} {
		_, err := host.VersionSource(ctx, hash)
		said = append(said, string(picloud.ErrorCode(err)))
	}
	if _, err := host.LiveVersion(ctx, "module"); err != nil {
		said = append(said, err.Error())
	}
	_, err := host.VersionSource(ctx, "module")
	said = append(said, string(picloud.ErrorCode(err)))
	return &picloud.Outcome{Response: &picloud.Response{Status: 200, Body: []byte(strings.Join(said, ","))}}
}

// moduleHost has everything.
type moduleHost struct{ picloud.Host }

func (moduleHost) VersionSource(context.Context, string) (string, error) { return "1", nil }
func (moduleHost) LiveVersion(_ context.Context, name string) (string, error) {
	return name, nil
}

// TestARunReadsOnlyWhatItMay asks for versions of others.
func TestARunReadsOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() {
		_ = Serve(context.Background(), there, ServeConfig{Runner: nosyRunner{}, Log: slog.New(slog.DiscardHandler)})
	})
	c, err := Dial(here, ClientConfig{Program: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Run(t.Context(), &picloud.Execution{ID: "id", Hash: "mine", Limits: *testLimits()}, moduleHost{})
	c.Close()
	serving.Wait()
	if err != nil || o.Error != nil || string(o.Response.Body) != "not_found,,not_found," {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := c.Run(t.Context(), &picloud.Execution{}, moduleHost{}); !errors.Is(err, ErrClosed) {
		t.Errorf("on a closed connection: %v", err)
	}
}
