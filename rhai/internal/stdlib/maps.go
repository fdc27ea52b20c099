package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// maps registers the functions of maps. None is a property: those are the
// map's own entries.
func maps(r *native.Registry) {
	r.Add(
		def("len(map)", "The number of entries.", mapLen, mapping),
		def("is_empty(map)", "Whether the map has no entries.", mapEmpty, mapping),
		def("keys(map)", "The keys, sorted.", mapKeys, mapping),
		def("values(map)", "The values, in the order of their keys.", mapValues, mapping),
		def("contains(map, key)", "Whether the map has a key.", mapContains, mapping, text),
		def("get(map, key)", "The value of a key, or ().", mapGet, mapping, text),
		mutating("set(map, key, x)", "Sets the value of a key.", mapSet, mapping, text, anything),
		mutating("remove(map, key)", "Removes a key and returns its value, or ().", mapRemove, mapping, text),
		mutating("clear(map)", "Removes all entries.", mapClear, mapping),
		mutating("mixin(map, other)", "Sets all entries of another map.", mapMixin, mapping, mapping),
		mutating("fill_with(map, other)", "Sets the entries of another map whose keys are missing.", mapFill, mapping, mapping),
		task("map(map, f)", "A new map of what the function returns for each key and value.", mapEntries, mapping, pointer),
		task("filter(map, f)", "A new map of the entries for which the function returns true.", filterEntries, mapping, pointer),
		mutatingTask("drain(map, f)", "Removes the entries for which the function returns true and returns them.", drainEntries, mapping, pointer),
		mutatingTask("retain(map, f)", "Keeps the entries for which the function returns true and returns the others.", retainEntries, mapping, pointer),
	)
}

func mapLen(c *native.Call) error { return c.Return(value.Int(int64(c.Recv.Map().Len()))) }

func mapEmpty(c *native.Call) error { return c.Return(value.Bool(c.Recv.Map().Len() == 0)) }

// listOf makes an array of one value for each slot of the receiver, in the
// order of the keys.
func listOf(c *native.Call, of func(m *value.Map, slot int) value.Value) error {
	m := c.Recv.Map()
	if err := c.Env.Charge(m.Len()); err != nil {
		return err
	}
	out, err := c.Heap.MakeElems(m.Len())
	if err != nil {
		return err
	}
	for i := range m.Len() {
		out = append(out, of(m, m.At(i)))
	}
	return c.Return(c.Heap.NewArray(out))
}

func mapKeys(c *native.Call) error {
	return listOf(c, func(m *value.Map, slot int) value.Value { return c.Heap.NewString(m.Key(slot)) })
}

func mapValues(c *native.Call) error {
	return listOf(c, func(m *value.Map, slot int) value.Value { return m.Slot(slot).Share() })
}

func mapContains(c *native.Call) error {
	return c.Return(value.Bool(c.Recv.Map().Find(c.Rest[0].Str(), -1) >= 0))
}

func mapGet(c *native.Call) error {
	v, _ := c.Recv.Map().Get(c.Rest[0].Str())
	return c.Return(v.Share())
}

func mapSet(c *native.Call) error {
	m, err := c.Heap.OwnMap(c.Recv)
	if err != nil {
		return err
	}
	return m.Set(c.Heap, c.Rest[0].Str(), c.Rest[1])
}

func mapRemove(c *native.Call) error {
	if c.Recv.Map().Find(c.Rest[0].Str(), -1) < 0 {
		return nil
	}
	m, err := c.Heap.OwnMap(c.Recv)
	if err != nil {
		return err
	}
	return c.Return(m.Delete(c.Rest[0].Str()))
}

func mapClear(c *native.Call) error {
	tag := c.Recv.Ref.Tag
	*c.Recv = c.Heap.NewMap()
	c.Recv.Ref.Tag = tag
	return nil
}

func mapMixin(c *native.Call) error { return c.Heap.Mixin(c.Env, c.Recv, c.Rest[0]) }

func mapFill(c *native.Call) error {
	from := c.Rest[0].Map()
	if err := c.Env.Charge(from.Len()); err != nil {
		return err
	}
	if from.Len() == 0 {
		return nil
	}
	m, err := c.Heap.OwnMap(c.Recv)
	if err != nil {
		return err
	}
	for k, v := range from.All() {
		if m.Find(k, -1) >= 0 {
			continue
		}
		if err := m.Set(c.Heap, k, v.Share()); err != nil {
			return err
		}
	}
	return nil
}
