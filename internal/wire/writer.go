package wire

import (
	"errors"
	"net"
	"runtime"
	"sync"
)

const (
	// maxPending is how much may wait to be written: above what admitted
	// requests have, below what a machine has.
	maxPending = 384 << 20
	// keptBuffer is the most that a buffer keeps for the next batch.
	keptBuffer = 1 << 20
)

// errFull means that the other side does not read.
var errFull = errors.New("too much waits to be written")

// writer writes frames in batches: what is sent while a write is on its way
// goes out with the next one. It has one goroutine, run, whose end is the end
// of the writer.
type writer struct {
	conn net.Conn
	wake chan struct{} // has room for one

	mu      sync.Mutex
	pending []byte // whole frames
	spare   []byte
	err     error // why nothing can be written any more
}

func newWriter(conn net.Conn) *writer {
	return &writer{conn: conn, wake: make(chan struct{}, 1)}
}

// send appends a frame, which goes out soon. What add is given it must append
// to and return; it does not block. An error means that the frame is not sent.
func (w *writer) send(k kind, id uint64, add func([]byte) []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if len(w.pending) > maxPending {
		return errFull
	}
	start := len(w.pending)
	b := openFrame(w.pending, k, id)
	if add != nil {
		b = add(b)
	}
	w.pending = closeFrame(b, start)
	if start == 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// run writes until close is called or the connection fails, and is why.
func (w *writer) run() error {
	for range w.wake {
		// Whoever else is about to send does so first, while this would be
		// waiting for a processor or the system anyway.
		runtime.Gosched()
		for {
			batch, err := w.take()
			if err != nil {
				return err
			}
			if len(batch) == 0 {
				break
			}
			if _, err := w.conn.Write(batch); err != nil {
				w.close(err)
				return err
			}
			w.giveBack(batch)
		}
	}
	return nil
}

// take is everything that is pending.
func (w *writer) take() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch := w.pending
	w.pending, w.spare = w.spare[:0], nil
	return batch, w.err
}

func (w *writer) giveBack(batch []byte) {
	if cap(batch) > keptBuffer {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = batch
}

// close makes sends fail and ends run. The first reason stays.
func (w *writer) close(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.pending, w.spare = nil, nil
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}
