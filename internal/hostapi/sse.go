package hostapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// typeEvents is the content type of server-sent events.
const typeEvents = "text/event-stream"

// maxRetry is the longest time, in milliseconds, that a script may tell clients
// to wait before they connect again.
const maxRetry = 24 * 60 * 60 * 1000

// addServerEvents adds the responses that are server-sent events: a list of
// them, and those of a topic as its messages come.
func addServerEvents(g *rhai.Module) {
	g.Func("sse", params(rhai.ArrayType), sseList,
		"a response of server-sent events, one for each item: its data, or a map #{data, event, id, retry} with retry in milliseconds")
	g.Func("sse_topic", params(rhai.StringType), func(c *rhai.Call) error { return sseTopic(c, rhai.Unit()) },
		"a response that goes on: the messages of a topic that is a stream, as they come")
	g.Func("sse_topic", params(rhai.StringType, rhai.MapType), func(c *rhai.Call) error { return sseTopic(c, c.Arg(1)) },
		"the same: #{key: text} is only those with that key, #{last: n} begins with the last n, #{after: id} with those after one, #{event: name} names them")
}

func sseList(c *rhai.Call) error {
	var body []byte
	for item := range c.Arg(0).Elems() {
		id, event, retry, data, err := sseItem(c, item)
		if err != nil {
			return err
		}
		n := len(id) + len(event) + 2*len(data) + 6*(strings.Count(data, "\n")+strings.Count(data, "\r")) + perField
		if err := work(c, len(data), n); err != nil {
			return err
		}
		if err := c.Room(2 * (len(body) + n)); err != nil {
			return err
		}
		if retry > 0 {
			body = append(strconv.AppendInt(append(body, "retry: "...), retry, 10), '\n')
		}
		body = picloud.AppendServerEvent(body, id, event, data)
	}
	a := &answer{status: http.StatusOK, header: eventsHeader(), body: body}
	return returnAnswer(c, a)
}

func eventsHeader() http.Header {
	return http.Header{"Content-Type": {typeEvents}, "Cache-Control": {"no-store"}}
}

// sseItem reads an item of a list: data, or a map with it.
func sseItem(c *rhai.Call, item rhai.Value) (id, event string, retry int64, data string, err error) {
	value := item
	if item.Kind() == rhai.MapKind {
		if err = onlyOptions(c, item, "data", "event", "id", "retry"); err != nil {
			return
		}
		var ok bool
		if value, ok = item.Get("data"); !ok {
			return "", "", 0, "", c.Fail("an event that is a map has its data in it: #{data: …, event: name}")
		}
		if id, err = sseText(c, item, "id"); err != nil {
			return
		}
		if event, err = sseText(c, item, "event"); err != nil {
			return
		}
		if v, ok := item.Get("retry"); ok && !v.IsUnit() {
			if retry, ok = v.AsInt(); !ok || retry < 1 || retry > maxRetry {
				return "", "", 0, "", c.Fail("retry is a number of milliseconds from 1 to %d", maxRetry)
			}
		}
	}
	if s, ok := value.AsString(); ok {
		return id, event, retry, s, nil
	}
	encoded, err := encode(c, value)
	return id, event, retry, string(encoded), err
}

// sseText is a field of an event that is one line, "" when it is not there.
func sseText(c *rhai.Call, item rhai.Value, name string) (string, error) {
	v, ok := item.Get(name)
	if !ok || v.IsUnit() {
		return "", nil
	}
	s, ok := v.AsString()
	if n, isInt := v.AsInt(); isInt {
		s, ok = strconv.FormatInt(n, 10), true
	}
	if !ok || picloud.ValidateStreamEvent(s) != nil {
		return "", c.Fail("%s of an event is a text of at most %d bytes, on one line", name, picloud.MaxStreamEvent)
	}
	return s, nil
}

func sseTopic(c *rhai.Call, options rhai.Value) error {
	s := &picloud.TopicStream{Topic: text(c, 0)}
	if err := c.Charge(writeCost); err != nil {
		return err
	}
	if err := sseTopicOptions(c, options, s); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return hostError(c, err)
	}
	return returnAnswer(c, &answer{status: http.StatusOK, header: eventsHeader(), stream: s})
}

func sseTopicOptions(c *rhai.Call, options rhai.Value, s *picloud.TopicStream) error {
	if options.IsUnit() {
		return nil
	}
	if err := onlyOptions(c, options, "key", "last", "after", "event"); err != nil {
		return err
	}
	for name, field := range map[string]*string{"key": &s.Key, "event": &s.Event} {
		if v, ok := options.Get(name); ok && !v.IsUnit() {
			if *field, ok = v.AsString(); !ok {
				return c.Fail("%s is a text", name)
			}
		}
	}
	if v, ok := options.Get("last"); ok && !v.IsUnit() {
		n, ok := v.AsInt()
		if !ok || n < 0 || n > picloud.MaxStreamLast {
			return c.Fail("last is a number from 0 to %d", picloud.MaxStreamLast)
		}
		s.Last = int(n)
	}
	if v, ok := options.Get("after"); ok && !v.IsUnit() {
		// What comes in a request is a text.
		n, isInt := v.AsInt()
		if t, isText := v.AsString(); isText {
			var err error
			n, err = strconv.ParseInt(t, 10, 64)
			isInt = err == nil
		}
		if !isInt || n < 0 {
			return c.Fail("after is the id of an event of this topic")
		}
		s.After = n
	}
	return nil
}
