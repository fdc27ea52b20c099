package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var streamCases = []testCase{
	{"a stream gives back what was published, in order, from anywhere", func(f *fixture) {
		app, other := f.defaultApp(), f.newApp()
		f.ok(f.streamed(app, "prices", "a", "b"))
		f.ok(f.streamed(app, "news", "x"))
		f.ok(f.streamed(app, "prices", "c"))
		f.ok(f.streamed(other, "prices", "z"))
		page := f.stream(app, "prices", 0)
		same(f, "all", bodies(page), `"a" "b" "c"`)
		same(f, "more", page.More || page.Missed, false)
		first := page.Messages[0]
		same(f, "kind", first.Kind, picloud.ValueJSON)
		same(f, "key", first.Key, "k-a")
		same(f, "a time", time.Since(first.At) < time.Hour, true)
		same(f, "the rest", bodies(f.stream(app, "prices", first.ID)), `"b" "c"`)
		same(f, "after the last", len(f.stream(app, "prices", page.Messages[2].ID).Messages), 0)
		same(f, "no such topic", len(f.stream(app, "none", 0).Messages), 0)
		page, err := f.ReadStream(f.ctx, app, "prices", 0, 2)
		f.ok(err)
		same(f, "a part", bodies(page), `"a" "b"`)
		same(f, "and there are more", page.More, true)
	}},
	{"the position of a stream", func(f *fixture) {
		app := f.defaultApp()
		same(f, "of none", f.position(app, "", 0), 0)
		same(f, "of none, with some before", f.position(app, "", 5), 0)
		f.ok(f.streamed(app, "prices", "a", "b", "c"))
		f.ok(f.streamed(app, "prices", "d"))
		same(f, "now", len(f.stream(app, "prices", f.position(app, "", 0)).Messages), 0)
		same(f, "the last two", bodies(f.stream(app, "prices", f.position(app, "", 2))), `"c" "d"`)
		same(f, "more than there are", bodies(f.stream(app, "prices", f.position(app, "", 9))), `"a" "b" "c" "d"`)
		same(f, "the last one with a key", bodies(f.stream(app, "prices", f.position(app, "k-b", 1))), `"b" "c" "d"`)
	}},
	{"a stream keeps the newest, and tells who has missed the others", func(f *fixture) {
		app := f.defaultApp()
		long := strings.Repeat("x", picloud.MaxValueBytes-2)
		for i := range 2 * picloud.MaxStreamsBytes / picloud.MaxValueBytes {
			f.ok(f.streamed(app, "prices", fmt.Sprint(i)+long[len(fmt.Sprint(i)):]))
		}
		page := f.stream(app, "prices", 0)
		same(f, "missed", page.Missed, true)
		kept := 0
		for after := int64(0); ; {
			page := f.stream(app, "prices", after)
			kept += len(page.Messages)
			same(f, "a page is bounded", len(page.Messages) <= 2, true)
			if after > 0 {
				same(f, "missed nothing of what is kept", page.Missed, false)
			}
			if !page.More {
				break
			}
			after = page.Messages[len(page.Messages)-1].ID
		}
		same(f, "kept", kept <= picloud.MaxStreamsBytes/picloud.MaxValueBytes && kept > 4, true)
	}},
	{"who listens is told, and ids are seen in their order", func(f *fixture) {
		app := f.defaultApp()
		told := make(chan string, 1000)
		cancel := f.SubscribeStreams(func(appID, topic string) { told <- appID + " " + topic })
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range 10 {
					if err := f.streamed(app, "prices", fmt.Sprint(i)); err != nil {
						f.Errorf("publish: %v", err)
					}
				}
			})
		}
		seen, after := 0, int64(0)
		for seen < 40 {
			same(f, "told", <-told, app+" prices")
			for _, m := range f.stream(app, "prices", after).Messages {
				same(f, "order", m.ID > after, true)
				after = m.ID
				seen++
			}
		}
		wg.Wait()
		cancel()
		f.ok(f.streamed(app, "prices", "more"))
		for len(told) > 0 {
			<-told
		}
		f.ok(f.streamed(app, "prices", "and more"))
		same(f, "told after it is over", len(told), 0)
	}},
	{"old messages of streams are dropped, and a refused commit streams nothing", func(f *fixture) {
		app := f.defaultApp()
		f.ok(f.streamed(app, "prices", "a", "b"))
		last := f.position(app, "", 0)
		n, err := f.SweepStreams(f.ctx, time.Now())
		f.ok(err)
		same(f, "dropped too soon", n, 0)
		n, err = f.SweepStreams(f.ctx, time.Now().Add(picloud.StreamMemory+time.Minute))
		f.ok(err)
		same(f, "dropped", n, 2)
		same(f, "position", f.position(app, "", 0), last)
		f.ok(f.set(app, "k", "1"))
		f.stale(f.Commit(f.ctx, picloud.Commit{AppID: app, Effects: picloud.Effects{Reads: []picloud.KeyRead{{Key: "k"}}}, Streamed: []picloud.Message{{Topic: "prices", Kind: picloud.ValueJSON, Body: []byte("1")}}}))
		same(f, "position", f.position(app, "", 0), last)
		f.ok(f.streamed(app, "prices", "c"))
		page := f.stream(app, "prices", 0)
		same(f, "the new one", bodies(page), `"c"`)
		same(f, "missed", page.Missed, true)
	}},
}

// streamed publishes texts on a topic that is a stream, in one commit. The key
// of a message is k- and its first byte.
func (f *fixture) streamed(app, topic string, texts ...string) error {
	c := picloud.Commit{AppID: app}
	for _, text := range texts {
		c.Streamed = append(c.Streamed, picloud.Message{Topic: topic, Key: "k-" + text[:1], Kind: picloud.ValueJSON, Body: []byte(`"` + text + `"`)})
	}
	return f.Commit(f.ctx, c)
}

func (f *fixture) stream(app, topic string, after int64) picloud.StreamPage {
	f.Helper()
	page, err := f.ReadStream(f.ctx, app, topic, after, picloud.MaxStreamPage)
	f.ok(err)
	return page
}

func (f *fixture) position(app, key string, last int) int64 {
	f.Helper()
	n, err := f.StreamPosition(f.ctx, app, "prices", key, last)
	f.ok(err)
	return n
}

func bodies(page picloud.StreamPage) string {
	var list []string
	for _, m := range page.Messages {
		list = append(list, string(m.Body))
	}
	return strings.Join(list, " ")
}
