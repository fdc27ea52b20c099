package hostapi

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// What host calls cost in operations, besides what they copy: about what the
// machine does in the time that they take.
const (
	readCost  = 100
	writeCost = 20
)

// maxTTL is how far off an expiry may be: about what a time can hold.
const maxTTL = 100 * 365 * 24 * time.Hour

// kvModule is what a script remembers from run to run. All of it happens when
// the run has succeeded, at once, and only if what the run read is still so;
// otherwise it is run again.
func kvModule() *rhai.Module {
	m := rhai.NewModule("kv")
	str, any := rhai.StringType, rhai.AnyType
	m.Func("get", params(str), func(c *rhai.Call) error { return kvGet(c, rhai.Unit()) },
		"the value of a key, or ()")
	m.Func("get", params(str, any), func(c *rhai.Call) error { return kvGet(c, c.Arg(1)) },
		"the value of a key, or what is given instead")
	m.Func("has", params(str), func(c *rhai.Call) error {
		e, err := kvRead(c)
		if err != nil {
			return err
		}
		return c.Return(rhai.Bool(e.Version != 0))
	}, "whether a key is there")
	m.Func("entry", params(str), kvEntry,
		"a map of a key's value, its version and expires_at (seconds, or ()); () when it is absent. The version of what this run wrote itself is ()")
	m.Func("set", params(str, any), func(c *rhai.Call) error { return kvSet(c, rhai.Unit()) },
		"gives a key a value: anything that has a JSON form, or a blob")
	m.Func("set", params(str, any, rhai.MapType), func(c *rhai.Call) error { return kvSet(c, c.Arg(2)) },
		"gives a key a value; #{ttl: seconds} drops it after a while")
	m.Func("cas", params(str, rhai.IntType, any), kvCompareAndSet,
		"gives a key a value if its version is the given one (0: absent), and tells whether it did")
	m.Func("delete", params(str), kvDelete, "removes a key, and tells whether it was there")
	m.Func("incr", params(str), func(c *rhai.Call) error { return kvIncrement(c, 1) },
		"adds one to a number, which is 0 when absent, and returns it")
	m.Func("incr", params(str, rhai.IntType), func(c *rhai.Call) error { return kvIncrement(c, number(c, 1)) },
		"adds to a number, which is 0 when absent, and returns it")
	m.Func("list", params(str), func(c *rhai.Call) error { return kvList(c, rhai.Unit(), false) },
		"the keys that start with a prefix, in the order of their bytes, at most 1,000")
	m.Func("list", params(str, rhai.MapType), func(c *rhai.Call) error { return kvList(c, c.Arg(1), false) },
		"the keys that start with a prefix: #{after: key, limit: n}")
	m.Func("entries", params(str), func(c *rhai.Call) error { return kvList(c, rhai.Unit(), true) },
		"maps of key and value for the keys that start with a prefix, at most 100")
	m.Func("entries", params(str, rhai.MapType), func(c *rhai.Call) error { return kvList(c, c.Arg(1), true) },
		"maps of key and value for the keys that start with a prefix: #{after: key, limit: n}")
	return m
}

// keyArg is argument 0, a key.
func keyArg(c *rhai.Call) (string, error) {
	key := text(c, 0)
	if err := picloud.ValidateKey(key); err != nil {
		return "", hostError(c, err)
	}
	return key, nil
}

// hostError is an error of the platform as a script gets it. Limits, and a
// platform that cannot answer, end the run.
func hostError(c *rhai.Call, err error) error {
	var e *picloud.Error
	if errors.As(err, &e) && e.Code == picloud.CodeInvalid {
		return c.Fail("%s", e.Message)
	}
	return invocation(c).doom(err)
}

// kvRead is the entry at the key in argument 0, billed.
func kvRead(c *rhai.Call) (picloud.Entry, error) {
	key, err := keyArg(c)
	if err != nil {
		return picloud.Entry{}, err
	}
	if err := c.Charge(readCost); err != nil {
		return picloud.Entry{}, err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return picloud.Entry{}, err
	}
	e, err := inv.tx.get(c.Context(), inv.Data, key)
	if err != nil {
		return e, hostError(c, err)
	}
	return e, work(c, len(e.Value), 0)
}

func kvGet(c *rhai.Call, absent rhai.Value) error {
	e, err := kvRead(c)
	if err != nil {
		return err
	}
	if e.Version == 0 {
		return c.Return(absent)
	}
	v, err := decodeValue(c, e)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// decodeValue is an entry's value.
func decodeValue(c *rhai.Call, e picloud.Entry) (rhai.Value, error) {
	if e.Kind == picloud.ValueBytes {
		return c.Bytes(e.Value)
	}
	return parseJSON(c, e.Value)
}

func kvEntry(c *rhai.Call) error {
	e, err := kvRead(c)
	if err != nil || e.Version == 0 {
		return err
	}
	v, err := decodeValue(c, e)
	if err != nil {
		return err
	}
	version, expires := rhai.Int(e.Version), rhai.Unit()
	if e.Version == ownVersion {
		version = rhai.Unit()
	}
	if !e.ExpiresAt.IsZero() {
		expires = rhai.Int(e.ExpiresAt.Unix())
	}
	return returnMap(c, pair{"value", v}, pair{"version", version}, pair{"expires_at", expires})
}

// pair is a member of a map.
type pair struct {
	key string
	v   rhai.Value
}

func makeMap(c *rhai.Call, members ...pair) (rhai.Value, error) {
	m := c.NewMap()
	for _, p := range members {
		if err := m.Set(p.key, p.v); err != nil {
			return rhai.Value{}, err
		}
	}
	return m.Value(), nil
}

func returnMap(c *rhai.Call, members ...pair) error {
	v, err := makeMap(c, members...)
	if err != nil {
		return err
	}
	return c.Return(v)
}

func kvSet(c *rhai.Call, options rhai.Value) error {
	expires, err := ttl(c, options)
	if err != nil {
		return err
	}
	return kvWrite(c, c.Arg(1), expires)
}

// kvWrite gives the key in argument 0 a value.
func kvWrite(c *rhai.Call, v rhai.Value, expires time.Time) error {
	key, err := keyArg(c)
	if err != nil {
		return err
	}
	kind, value, err := encodeValue(c, v)
	if err != nil {
		return err
	}
	return kvPut(c, &picloud.KeyWrite{Key: key, Kind: kind, Value: value, ExpiresAt: expires})
}

// kvPut notes a change, billed.
func kvPut(c *rhai.Call, w *picloud.KeyWrite) error {
	if err := c.Charge(writeCost); err != nil {
		return err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return err
	}
	if err := inv.tx.put(w); err != nil {
		return hostError(c, err)
	}
	return nil
}

// encodeValue is a value in the form in which it is kept.
func encodeValue(c *rhai.Call, v rhai.Value) (picloud.ValueKind, []byte, error) {
	kind, out := picloud.ValueBytes, []byte(nil)
	if b, ok := v.AsBytes(); ok {
		if err := work(c, len(b), len(b)); err != nil {
			return "", nil, err
		}
		out = append(out, b...)
	} else {
		kind = picloud.ValueJSON
		e := encoder{max: picloud.MaxValueBytes + 1, room: c.Room, charge: c.Charge, exact: true}
		err := e.value(v, 0)
		if err != nil && !errors.Is(err, errTooLong) {
			return "", nil, err
		}
		out = e.buf
		if err != nil {
			return "", nil, c.Fail("the value has more than the %d bytes that a key may hold", picloud.MaxValueBytes)
		}
	}
	if len(out) > picloud.MaxValueBytes {
		return "", nil, c.Fail("the value has %d bytes, and a key may hold %d", len(out), picloud.MaxValueBytes)
	}
	return kind, out, nil
}

// ttl is the expiry that the options ask for.
func ttl(c *rhai.Call, options rhai.Value) (time.Time, error) {
	if options.IsUnit() {
		return time.Time{}, nil
	}
	if err := onlyOptions(c, options, "ttl"); err != nil {
		return time.Time{}, err
	}
	v, ok := options.Get("ttl")
	if !ok || v.IsUnit() {
		return time.Time{}, nil
	}
	seconds, ok := seconds(v)
	if !ok || !(seconds > 0) || seconds > maxTTL.Seconds() {
		return time.Time{}, c.Fail("ttl is how many seconds the key is kept: a number above 0 and at most %d", int64(maxTTL.Seconds()))
	}
	return invocation(c).Now().Add(time.Duration(seconds * float64(time.Second))), nil
}

// onlyOptions refuses options that are none, which are mostly misspelt ones.
func onlyOptions(c *rhai.Call, options rhai.Value, known ...string) error {
	for key := range options.Entries() {
		found := false
		for _, k := range known {
			found = found || k == key
		}
		if !found {
			return c.Fail("there is no option %q here, only %v", clip(key), known)
		}
	}
	return nil
}

func kvCompareAndSet(c *rhai.Call) error {
	e, err := kvRead(c)
	if err != nil {
		return err
	}
	if e.Version == ownVersion {
		return c.Fail("this run has written the key %q already: it has no version to compare with yet", clip(e.Key))
	}
	if e.Version != number(c, 1) {
		return c.Return(rhai.Bool(false))
	}
	if err := kvWrite(c, c.Arg(2), time.Time{}); err != nil {
		return err
	}
	return c.Return(rhai.Bool(true))
}

func kvDelete(c *rhai.Call) error {
	e, err := kvRead(c)
	if err != nil {
		return err
	}
	if e.Version != 0 {
		if err := kvPut(c, &picloud.KeyWrite{Key: e.Key, Delete: true}); err != nil {
			return err
		}
	}
	return c.Return(rhai.Bool(e.Version != 0))
}

func kvIncrement(c *rhai.Call, by int64) error {
	e, err := kvRead(c)
	if err != nil {
		return err
	}
	n := int64(0)
	if e.Version != 0 {
		if n, err = strconv.ParseInt(string(e.Value), 10, 64); err != nil || e.Kind != picloud.ValueJSON {
			return c.Fail("the key %q holds no integer", clip(e.Key))
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return c.Fail("the number in key %q would grow out of range", clip(e.Key))
	}
	value := strconv.AppendInt(nil, n+by, 10)
	// A counter keeps its expiry: it is the same counter.
	if err := kvPut(c, &picloud.KeyWrite{Key: e.Key, Kind: picloud.ValueJSON, Value: value, ExpiresAt: e.ExpiresAt}); err != nil {
		return err
	}
	return c.Return(rhai.Int(n + by))
}

// Sizes of listings.
const (
	maxEntriesPage     = 1000
	defaultEntriesPage = 100
)

// kvList lists the keys that start with the prefix in argument 0.
func kvList(c *rhai.Call, options rhai.Value, values bool) error {
	q, err := listQuery(c, options, values)
	if err != nil {
		return err
	}
	if err := c.Charge(readCost + q.Limit); err != nil {
		return err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return err
	}
	list, err := inv.tx.list(c.Context(), inv.Data, q)
	if err != nil {
		return hostError(c, err)
	}
	out := make([]rhai.Value, len(list))
	for i, e := range list {
		if out[i], err = listed(c, e, values); err != nil {
			return err
		}
	}
	v, err := c.Array(out)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// listed is an entry as an element of a listing.
func listed(c *rhai.Call, e picloud.Entry, values bool) (rhai.Value, error) {
	if err := work(c, len(e.Value), len(e.Key)); err != nil {
		return rhai.Value{}, err
	}
	key, err := c.String(e.Key)
	if err != nil || !values {
		return key, err
	}
	v, err := decodeValue(c, e)
	if err != nil {
		return rhai.Value{}, err
	}
	return makeMap(c, pair{"key", key}, pair{"value", v})
}

func listQuery(c *rhai.Call, options rhai.Value, values bool) (q picloud.EntryQuery, err error) {
	q.Limit, q.Values = picloud.MaxKeyPage, values
	if values {
		q.Limit = defaultEntriesPage
	}
	after := ""
	if !options.IsUnit() {
		if err := onlyOptions(c, options, "after", "limit"); err != nil {
			return q, err
		}
		if v, ok := options.Get("after"); ok && !v.IsUnit() {
			if after, ok = v.AsString(); !ok {
				return q, c.Fail("after is the last key of the page before, a string")
			}
		}
		if v, ok := options.Get("limit"); ok && !v.IsUnit() {
			n, ok := v.AsInt()
			if !ok || n < 1 || n > maxEntriesPage {
				return q, c.Fail("limit is a number from 1 to %d", maxEntriesPage)
			}
			q.Limit = int(n)
		}
	}
	q.From, q.To = picloud.PrefixRange(text(c, 0), after)
	return q, nil
}
