package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

var webhookCases = []testCase{
	{"the webhook of a route is kept", func(f *fixture) {
		r, err := picloud.ParseRoute("POST /hook webhook=github:OLD,NEW")
		f.ok(err)
		f.deploy("hook", "1", r)
		s, err := f.Snapshot(f.ctx)
		f.ok(err)
		same(f, "route", s.Scripts[0].Routes[0].String(), "POST /hook webhook=github:OLD,NEW")
		live, err := f.ScriptByName(f.ctx, picloud.DefaultApp, "hook")
		f.ok(err)
		same(f, "route", live.Routes[0].Webhook, "webhook=github:OLD,NEW")
	}},
	{"a webhook is taken once, and with nothing of its second commit", func(f *fixture) {
		app, other := f.defaultApp(), f.newApp()
		f.ok(f.delivery(app, "one", "k"))
		taken, err := f.Delivered(f.ctx, app, deliveryOf("one"))
		f.ok(err)
		same(f, "taken", taken, true)
		taken, err = f.Delivered(f.ctx, app, deliveryOf("two"))
		f.ok(err)
		same(f, "another", taken, false)
		first := f.version(app, "k")
		if err := f.delivery(app, "one", "k"); !errors.Is(err, picloud.ErrDelivered) {
			f.Errorf("taken again: %v", err)
		}
		same(f, "version", f.version(app, "k"), first)
		f.ok(f.delivery(other, "one", "k"))
	}},
	{"of those who bring the same webhook at once, one is taken", func(f *fixture) {
		app := f.defaultApp()
		same(f, "taken", f.race(func() error { return f.delivery(app, "one", "k") }), 1)
	}},
	{"a refused commit takes no webhook", func(f *fixture) {
		app := f.defaultApp()
		f.ok(f.set(app, "k", "1"))
		d := deliveryOf("one")
		f.stale(f.Commit(f.ctx, picloud.Commit{AppID: app, Delivery: &d, Effects: picloud.Effects{Reads: []picloud.KeyRead{{Key: "k"}}}}))
		taken, err := f.Delivered(f.ctx, app, d)
		f.ok(err)
		same(f, "taken", taken, false)
	}},
	{"old webhooks are forgotten", func(f *fixture) {
		app := f.defaultApp()
		for i := range 3 {
			f.ok(f.delivery(app, fmt.Sprint(i), "k"))
		}
		n, err := f.SweepDelivered(f.ctx, time.Now().Add(picloud.WebhookMemory/2))
		f.ok(err)
		same(f, "forgotten too soon", n, 0)
		n, err = f.SweepDelivered(f.ctx, time.Now().Add(picloud.WebhookMemory+time.Hour))
		f.ok(err)
		same(f, "forgotten", n, 3)
		f.ok(f.delivery(app, "0", "k"))
	}},
}

func deliveryOf(id string) picloud.Delivery {
	return picloud.Delivery{Key: append(bytes.Repeat([]byte{7}, 16), id...)}
}

// delivery commits a run on a webhook that writes a key.
func (f *fixture) delivery(app, id, key string) error {
	d := deliveryOf(id)
	return f.Commit(f.ctx, picloud.Commit{AppID: app, Delivery: &d, Effects: picloud.Effects{
		Writes: []picloud.KeyWrite{{Key: key, Kind: picloud.ValueJSON, Value: []byte("1")}},
	}})
}
