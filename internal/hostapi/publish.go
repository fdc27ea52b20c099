package hostapi

import (
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// addPublish adds publish(topic, body): a message for the scripts of the app
// that subscribe to the topic, sent when the run has succeeded.
func addPublish(g *rhai.Module) {
	g.Func("publish", params(rhai.StringType, rhai.AnyType), func(c *rhai.Call) error { return publish(c, rhai.Unit()) },
		"sends a message to the scripts that subscribe to a topic, once this run has succeeded")
	g.Func("publish", params(rhai.StringType, rhai.AnyType, rhai.MapType), func(c *rhai.Call) error { return publish(c, c.Arg(2)) },
		"sends a message: #{key: text} keeps those with the same key in order, #{delay: seconds} sends it later, #{dedupe: text} once for ten minutes, or for dedupe_seconds")
}

func publish(c *rhai.Call, options rhai.Value) error {
	m := picloud.Message{Topic: text(c, 0)}
	var err error
	if m.Kind, m.Body, err = encodeValue(c, c.Arg(1)); err != nil {
		return err
	}
	if err := publishOptions(c, options, &m); err != nil {
		return err
	}
	if err := m.Validate(); err != nil {
		return hostError(c, err)
	}
	if err := c.Charge(writeCost); err != nil {
		return err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return err
	}
	if err := inv.tx.publish(m); err != nil {
		return hostError(c, err)
	}
	return nil
}

func publishOptions(c *rhai.Call, options rhai.Value, m *picloud.Message) error {
	if options.IsUnit() {
		return nil
	}
	if err := onlyOptions(c, options, "key", "delay", "dedupe", "dedupe_seconds"); err != nil {
		return err
	}
	if v, ok := options.Get("key"); ok && !v.IsUnit() {
		if m.Key, ok = v.AsString(); !ok {
			return c.Fail("key is a text: messages with the same one are delivered in order")
		}
	}
	if v, ok := options.Get("delay"); ok && !v.IsUnit() {
		seconds, ok := seconds(v)
		if !ok || seconds < 0 || seconds > picloud.MaxDelay.Seconds() {
			return c.Fail("delay is how many seconds to wait: a number from 0 to %d", int64(picloud.MaxDelay.Seconds()))
		}
		m.Delay = time.Duration(seconds * float64(time.Second))
	}
	return dedupeOptions(c, options, m)
}

func dedupeOptions(c *rhai.Call, options rhai.Value, m *picloud.Message) error {
	if v, ok := options.Get("dedupe"); ok && !v.IsUnit() {
		if m.Dedupe, ok = v.AsString(); !ok {
			return c.Fail("dedupe is a text: of the messages of a topic with the same one, the first is sent")
		}
	}
	if v, ok := options.Get("dedupe_seconds"); ok && !v.IsUnit() {
		seconds, ok := seconds(v)
		if !ok || seconds <= 0 || seconds > picloud.MaxDedupeWindow.Seconds() {
			return c.Fail("dedupe_seconds is how long the message is remembered: a number up to %d", int64(picloud.MaxDedupeWindow.Seconds()))
		}
		m.Window = time.Duration(seconds * float64(time.Second))
	}
	return nil
}

// seconds is an integer or a float.
func seconds(v rhai.Value) (float64, bool) {
	if n, ok := v.AsInt(); ok {
		return float64(n), true
	}
	return v.AsFloat()
}
