package hostapi

import (
	"slices"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// httpOptions reads what a call is made with.
func httpOptions(c *rhai.Call, call *picloud.HTTPCall, options rhai.Value) error {
	if options.IsUnit() {
		return nil
	}
	if err := onlyOptions(c, options, "headers", "query", "json", "form", "body", "timeout", "retry", "follow"); err != nil {
		return err
	}
	for name, read := range map[string]func(*rhai.Call, *picloud.HTTPCall, rhai.Value) error{
		"headers": httpHeaders, "query": httpQuery, "timeout": httpTimeout, "retry": httpRetry, "follow": httpFollow,
	} {
		if v, ok := options.Get(name); ok && !v.IsUnit() {
			if err := read(c, call, v); err != nil {
				return err
			}
		}
	}
	return httpBody(c, call, options)
}

func httpHeaders(c *rhai.Call, call *picloud.HTTPCall, v rhai.Value) error {
	var err error
	call.Header, err = headerFields(c, v)
	return err
}

// eachValue goes through a map of names and values, in which an array gives a
// name several.
func eachValue(pairs rhai.Value, do func(name string, v rhai.Value) error) error {
	for name, v := range pairs.Entries() {
		if v.Kind() != rhai.ArrayKind {
			if err := do(name, v); err != nil {
				return err
			}
			continue
		}
		for x := range v.Elems() {
			if err := do(name, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// headerFields reads a header from a map. Names may be written with underscores;
// an array gives a name several values.
func headerFields(c *rhai.Call, v rhai.Value) ([]picloud.Field, error) {
	if v.Kind() != rhai.MapKind {
		return nil, c.Fail("headers is a map of names and values")
	}
	var list []picloud.Field
	add := func(name string, v rhai.Value) error {
		value, ok, err := fieldValue(c, v)
		if err == nil && !ok {
			err = c.Fail("the header %s is a string, a number or a secret", clip(name))
		}
		list = append(list, picloud.Field{Name: headerKey(name), Value: value})
		return err
	}
	if err := eachValue(v, add); err != nil {
		return nil, err
	}
	return list, nil
}

// fieldValue is a value as text: a string, a number, a boolean, or a secret.
func fieldValue(c *rhai.Call, v rhai.Value) (picloud.Pieces, bool, error) {
	switch v.Kind() {
	case rhai.IntKind, rhai.FloatKind, rhai.BoolKind, rhai.CharKind:
		s, err := c.Text(v)
		return picloud.Plain(s), true, err
	case rhai.BlobKind:
		return nil, false, nil
	}
	return pieces(c, v)
}

// formPieces writes a map as a query or a form.
func formPieces(c *rhai.Call, v rhai.Value, what string) (picloud.Pieces, error) {
	if v.Kind() != rhai.MapKind {
		return nil, c.Fail("%s is a map of names and values", what)
	}
	var list picloud.Pieces
	add := func(name string, v rhai.Value) error {
		value, ok, err := fieldValue(c, v)
		if err != nil {
			return err
		}
		if !ok {
			return c.Fail("%s: %s is a string, a number or a secret, or an array of those", what, clip(name))
		}
		separator := ""
		if len(list) > 0 {
			separator = "&"
		}
		list = append(list, picloud.Piece{Text: separator + encodeComponent(name) + "="})
		for _, p := range value {
			switch {
			case p.Secret == "":
				list = append(list, picloud.Piece{Text: encodeComponent(p.Text)})
			case p.As == picloud.AsIs:
				list = append(list, picloud.Piece{Secret: p.Secret, As: picloud.AsQuery})
			default:
				return c.Fail("%s: %s can be a secret, and not one that is encoded for a header", what, clip(name))
			}
		}
		return nil
	}
	if err := eachValue(v, add); err != nil {
		return nil, err
	}
	return join(list), nil
}

// join makes one piece of texts that follow each other.
func join(list picloud.Pieces) picloud.Pieces {
	var out picloud.Pieces
	for _, p := range list {
		if last := len(out) - 1; p.Secret == "" && last >= 0 && out[last].Secret == "" {
			out[last].Text += p.Text
		} else {
			out = append(out, p)
		}
	}
	return out
}

func httpQuery(c *rhai.Call, call *picloud.HTTPCall, v rhai.Value) error {
	q, err := formPieces(c, v, "query")
	if err != nil || len(q) == 0 {
		return err
	}
	mark := "?"
	if containsByte(call.URL, '?') {
		mark = "&"
	}
	if containsByte(call.URL, '#') {
		return c.Fail("a URL with a fragment (#) has no place for a query behind it: leave the fragment out")
	}
	call.URL = join(append(append(slices.Clone(call.URL), picloud.Piece{Text: mark}), q...))
	return nil
}

func containsByte(p picloud.Pieces, b byte) bool {
	return slices.ContainsFunc(p, func(x picloud.Piece) bool { return slices.Contains([]byte(x.Text), b) })
}

func httpTimeout(c *rhai.Call, call *picloud.HTTPCall, v rhai.Value) error {
	s, ok := seconds(v)
	limit := invocation(c).Execution.Limits.OutboundTime()
	if !ok || s <= 0 || s > limit.Seconds() {
		return c.Fail("timeout is how many seconds the call may take: a number above 0 and at most %v, the script's outbound_time_ms", limit.Seconds())
	}
	call.Timeout = time.Duration(s * float64(time.Second))
	return nil
}

func httpRetry(c *rhai.Call, call *picloud.HTTPCall, v rhai.Value) error {
	if n, ok := v.AsInt(); ok {
		call.Retry.Max = int(min(max(n, -1), picloud.MaxRetries+1))
		return nil
	}
	if v.Kind() != rhai.MapKind {
		return c.Fail("retry is how often to try again, or a map: #{max, backoff, unsafe}")
	}
	if err := onlyOptions(c, v, "max", "backoff", "unsafe"); err != nil {
		return err
	}
	call.Retry.Max = 2
	if x, ok := v.Get("max"); ok && !x.IsUnit() {
		n, ok := x.AsInt()
		if !ok {
			return c.Fail("retry.max is how often to try again: a number from 0 to %d", picloud.MaxRetries)
		}
		call.Retry.Max = int(min(max(n, -1), picloud.MaxRetries+1))
	}
	if x, ok := v.Get("backoff"); ok && !x.IsUnit() {
		s, ok := seconds(x)
		if !ok || s < 0 || s > picloud.MaxRetryBackoff.Seconds() {
			return c.Fail("retry.backoff is how many seconds to wait before the first retry: a number from 0 to %v", picloud.MaxRetryBackoff.Seconds())
		}
		call.Retry.Backoff = time.Duration(s * float64(time.Second))
	}
	if x, ok := v.Get("unsafe"); ok && !x.IsUnit() {
		if call.Retry.Unsafe, ok = x.AsBool(); !ok {
			return c.Fail("retry.unsafe is a bool")
		}
	}
	return nil
}

func httpFollow(c *rhai.Call, call *picloud.HTTPCall, v rhai.Value) (err error) {
	b, ok := v.AsBool()
	if call.Follow = b; !ok {
		return c.Fail("follow is a bool: whether redirects are followed")
	}
	return nil
}

// httpBody reads the body, of which there is one at most.
func httpBody(c *rhai.Call, call *picloud.HTTPCall, options rhai.Value) error {
	kind := ""
	for _, name := range []string{"json", "form", "body"} {
		v, ok := options.Get(name)
		if !ok || v.IsUnit() && name != "json" {
			continue
		}
		if kind != "" {
			return c.Fail("there are two bodies, %s and %s: give one", kind, name)
		}
		kind = name
		var err error
		contentType := ""
		if call.Body, contentType, err = bodyPieces(c, name, v); err != nil {
			return err
		}
		hasType := func(f picloud.Field) bool { return f.Name == "Content-Type" }
		if contentType != "" && !slices.ContainsFunc(call.Header, hasType) {
			call.Header = append(call.Header, picloud.Field{Name: "Content-Type", Value: picloud.Plain(contentType)})
		}
	}
	return nil
}

// bodyPieces is a body of a kind, with its type.
func bodyPieces(c *rhai.Call, kind string, v rhai.Value) (p picloud.Pieces, contentType string, err error) {
	switch kind {
	case "json":
		p, err = jsonPieces(c, v)
		return p, "application/json", jsonFailure(c, err)
	case "form":
		p, err = formPieces(c, v, "form")
		return p, "application/x-www-form-urlencoded", err
	}
	p, ok, err := pieces(c, v)
	if err == nil && !ok {
		err = c.Fail("body is a string or a blob; for anything else there are json and form")
	}
	if v.Kind() == rhai.BlobKind {
		return p, "application/octet-stream", err
	}
	return p, "text/plain; charset=utf-8", err
}

// jsonFailure is an error of the encoder as a script can catch it.
func jsonFailure(c *rhai.Call, err error) error {
	if err == nil || isLimit(err) || c.Context().Err() != nil {
		return err
	}
	return c.Fail("%v", err)
}
