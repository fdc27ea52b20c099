package stdlib

import (
	"math"

	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

// list is the kind of arrays.
var list = value.Set(value.KArray)

func arrays(r *native.Registry) {
	property(r, def("len(array)", "The number of elements.", arrayLen, list))
	property(r, def("is_empty(array)", "Whether the array has no elements.", arrayEmpty, list))
	get := def("get(array, index)", "The element at a position, negative ones counting from the end; () behind the end.", arrayGet, list, integer)
	get.RefusesConst = true
	r.Add(get,
		mutating("set(array, index, x)", "Replaces an element; does nothing behind the end.", arraySet, list, integer, anything),
		mutating("push(array, x)", "Adds an element at the end.", arrayPush, list, anything),
		mutating("append(array, other)", "Adds the elements of another array at the end.", arrayAppend, list, list),
		mutating("insert(array, index, x)", "Adds an element before a position.", arrayInsert, list, integer, anything),
		mutating("pad(array, length, x)", "Fills the array up to a length with copies of a value.", arrayPad, list, integer, anything),
		mutating("pop(array)", "Removes the last element and returns it, or () when there is none.", arrayPop, list),
		mutating("shift(array)", "Removes the first element and returns it, or () when there is none.", arrayShift, list),
		mutating("remove(array, index)", "Removes the element at a position and returns it, or () when there is none.", arrayRemove, list, integer),
		mutating("clear(array)", "Removes all elements.", arrayClear, list),
		mutating("reverse(array)", "Turns the order of the elements round.", arrayReverse, list),
		mutating("truncate(array, length)", "Keeps the first `length` elements.", arrayTruncate, list, integer),
		mutating("chop(array, length)", "Keeps the last `length` elements.", arrayChop, list, integer),
		def("contains(array, x)", "Whether an element equals a value.", arrayContains, list, anything),
		def("index_of(array, x)", "The position of the first element that equals a value, or -1.", arrayIndexOf, list, data),
		def("index_of(array, x, start)", "The position of the first element from `start` on that equals a value, or -1.", arrayIndexOf, list, data, integer),
	)
	arrayParts(r)
	arrayTasks(r)
	sorts(r)
}

// data is every kind but those that index_of calls.
var data = anything &^ callee

// maxElems bounds an array where no limit does: sizes in bytes must not
// overflow.
const maxElems = math.MaxInt32

// growTo asks for leave to make an array of n elements out of one of have.
func growTo(c *native.Call, have int, n int64) error {
	limit := int64(maxElems)
	if c.Heap.Sizes.Array > 0 {
		limit = int64(c.Heap.Sizes.Array)
	}
	if n > limit {
		return value.TooLarge("array", int(limit))
	}
	return c.Env.Charge(int(n) - have)
}

// chargeMove bills moving n elements, which costs less than a step each.
func chargeMove(c *native.Call, n int) error {
	const movedPerOp = 16
	if n < movedPerOp {
		return nil
	}
	return c.Env.Charge(n / movedPerOp)
}

// owned is the receiver, safe to change.
func owned(c *native.Call) (*value.Array, error) { return c.Heap.OwnArray(c.Recv) }

func arrayLen(c *native.Call) error {
	return c.Return(value.Int(int64(len(c.Recv.Array().E))))
}

func arrayEmpty(c *native.Call) error {
	return c.Return(value.Bool(len(c.Recv.Array().E) == 0))
}

func arrayGet(c *native.Call) error {
	e := c.Recv.Array().E
	if i, _ := offset(len(e), c.Rest[0].Int(), 0); i < len(e) {
		c.Result = e[i].Share()
	}
	return nil
}

func arraySet(c *native.Call) error {
	i, _ := offset(len(c.Recv.Array().E), c.Rest[0].Int(), 0)
	if i == len(c.Recv.Array().E) {
		return nil
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	a.E[i] = c.Rest[1]
	return nil
}

func arrayPush(c *native.Call) error {
	a, err := owned(c)
	if err != nil {
		return err
	}
	return a.Append(c.Heap, c.Rest[0])
}

func arrayAppend(c *native.Call) error {
	return insertShared(c, len(c.Recv.Array().E), 0, c.Rest[0].Array().E)
}

func arrayInsert(c *native.Call) error {
	a, err := owned(c)
	if err != nil {
		return err
	}
	i, _ := offset(len(a.E), c.Rest[0].Int(), 0)
	if err := chargeMove(c, len(a.E)-i); err != nil {
		return err
	}
	if err := a.Append(c.Heap, c.Rest[1]); err != nil {
		return err
	}
	copy(a.E[i+1:], a.E[i:])
	a.E[i] = c.Rest[1]
	return nil
}

func arrayPad(c *native.Call) error {
	have, n := len(c.Recv.Array().E), c.Rest[0].Int()
	if n <= int64(have) {
		return nil
	}
	if err := growTo(c, have, n); err != nil {
		return err
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	if err := a.Grow(c.Heap, int(n)-have); err != nil {
		return err
	}
	x := c.Rest[1].Share()
	for range int(n) - have {
		a.E = append(a.E, x)
	}
	return nil
}

func arrayPop(c *native.Call) error { return takeElem(c, len(c.Recv.Array().E)-1) }

func arrayShift(c *native.Call) error {
	if len(c.Recv.Array().E) == 0 {
		return nil
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	return c.Return(a.Shift(c.Heap))
}

func arrayRemove(c *native.Call) error {
	i, ok := value.StrictIndex(len(c.Recv.Array().E), c.Rest[0].Int())
	if !ok {
		return nil
	}
	return takeElem(c, i)
}

// takeElem removes the element at i, if there is one, and returns it.
func takeElem(c *native.Call, i int) error {
	if i < 0 || i >= len(c.Recv.Array().E) {
		return nil
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	c.Result = a.E[i]
	return cutElems(c, a, i, 1)
}

// cutElems closes the gap of n elements at i.
func cutElems(c *native.Call, a *value.Array, i, n int) error {
	if err := chargeMove(c, len(a.E)-i); err != nil {
		return err
	}
	copy(a.E[i:], a.E[i+n:])
	setLen(a, len(a.E)-n)
	return nil
}

// setLen drops the elements from n on and lets go of what they hold.
func setLen(a *value.Array, n int) {
	clear(a.E[n:])
	a.E = a.E[:n]
}

func arrayClear(c *native.Call) error {
	if len(c.Recv.Array().E) == 0 {
		return nil
	}
	tag := c.Recv.Ref.Tag
	*c.Recv = c.Heap.NewArray(nil)
	c.Recv.Ref.Tag = tag
	return nil
}

func arrayReverse(c *native.Call) error {
	a, err := owned(c)
	if err != nil {
		return err
	}
	if err := chargeMove(c, len(a.E)); err != nil {
		return err
	}
	for i, j := 0, len(a.E)-1; i < j; i, j = i+1, j-1 {
		a.E[i], a.E[j] = a.E[j], a.E[i]
	}
	return nil
}

func arrayTruncate(c *native.Call) error {
	have, n := len(c.Recv.Array().E), max(c.Rest[0].Int(), 0)
	if n >= int64(have) {
		return nil
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	return cutElems(c, a, int(n), have-int(n))
}

func arrayChop(c *native.Call) error {
	have, n := len(c.Recv.Array().E), max(c.Rest[0].Int(), 0)
	if n >= int64(have) {
		return nil
	}
	a, err := owned(c)
	if err != nil {
		return err
	}
	return cutElems(c, a, 0, have-int(n))
}

func arrayContains(c *native.Call) error {
	i, err := findEqual(c.Env, c.Recv.Array().E, 0, c.Rest[0])
	c.Result = value.Bool(i >= 0)
	return err
}

func arrayIndexOf(c *native.Call) error {
	i, err := findEqual(c.Env, c.Recv.Array().E, startArg(c, 1), c.Rest[0])
	c.Result = value.Int(int64(i))
	return err
}

// startArg is the position that Rest[i] gives to start at, 0 when it is not
// given.
func startArg(c *native.Call, i int) int {
	if len(c.Rest) <= i {
		return 0
	}
	start, _ := offset(len(c.Recv.Array().E), c.Rest[i].Int(), 0)
	return start
}

// findEqual is the position of the first element from start on that equals x,
// or -1.
func findEqual(env native.Env, e []value.Value, start int, x value.Value) (int, error) {
	const batch = 64 // so that an early hit is not billed to the end
	for i := start; i < len(e); i++ {
		if (i-start)%batch == 0 {
			if err := env.Charge(min(batch, len(e)-i)); err != nil {
				return -1, err
			}
		}
		eq, err := value.EqualItem(env, e[i], x)
		if err != nil {
			return -1, err
		}
		if eq {
			return i, nil
		}
	}
	return -1, nil
}
