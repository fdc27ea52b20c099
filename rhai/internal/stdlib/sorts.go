package stdlib

import (
	"github.com/picloud/picloud/rhai/internal/native"
	"github.com/picloud/picloud/rhai/internal/value"
)

func sorts(r *native.Registry) {
	ordered := []*native.Func{
		def("order(array)", "A new array of the elements in ascending order.", arrayOrder, list),
		def("order_desc(array)", "A new array of the elements in descending order.", arrayOrderDesc, list),
		task("order(array, compare)", "A new array of the elements in the order that a function of two elements tells.", orderItems, list, pointer),
		task("order_by(array, compare)", "A new array of the elements in the order that a function of two elements tells.", orderItems, list, pointer),
	}
	for _, f := range ordered {
		f.RefusesConst = true
	}
	r.Add(ordered...)
	r.Add(
		mutating("sort(array)", "Sorts the elements in ascending order; they must be of one type.", arraySort, list),
		mutating("sort_desc(array)", "Sorts the elements in descending order; they must be of one type.", arraySortDesc, list),
		mutatingTask("sort(array, compare)", "Sorts the elements in the order that a function of two elements tells: a negative number or true when the first goes first.", sortItems, list, callee),
		mutatingTask("sort_by(array, compare)", "Sorts the elements in the order that a function of two elements tells: a negative number or true when the first goes first.", sortItems, list, pointer),
	)
}

// insertionMax is the size up to which arrays are sorted by insertion. It is
// native Rhai's: small arrays ask their comparator the same questions in the
// same order, so that even one that contradicts itself gives the same result.
const insertionMax = 20

// sortItems starts sort with a comparator, in place.
func sortItems(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil || len(w.items()) <= 1 {
		return nil, err
	}
	if err := w.own(c); err != nil {
		return nil, err
	}
	return sorter(c, w)
}

// orderItems starts order with a comparator: it sorts a copy.
func orderItems(c *native.Call) (native.Task, error) {
	w, err := walkOf(c, c.Rest[0])
	if err != nil {
		return nil, err
	}
	if w.arr, err = copyArray(c, w.arr); err != nil {
		return nil, err
	}
	if len(w.items()) <= 1 {
		return nil, c.Return(w.arr)
	}
	return sorter(c, w)
}

// copyArray is a new array of the same elements.
func copyArray(c *native.Call, a value.Value) (value.Value, error) {
	if err := c.Env.Charge(len(a.Array().E)); err != nil {
		return a, err
	}
	e, err := c.Heap.MakeElems(len(a.Array().E))
	if err != nil {
		return a, err
	}
	for _, v := range a.Array().E {
		e = append(e, v.Share())
	}
	return c.Heap.NewArray(e), nil
}

func sorter(c *native.Call, w walk) (native.Task, error) {
	n := len(w.items())
	if n <= insertionMax {
		return &insertion{walk: w}, nil
	}
	spare, err := c.Heap.MakeElems(n)
	if err != nil {
		return nil, err
	}
	m := &mergeSort{walk: w, spare: c.Heap.NewArray(spare[:n])}
	m.pass(1)
	return m, nil
}

// finish is the end of a sort: a copy is the result, an array sorted in place
// goes back through Receiver.
func (w *walk) finish(t *native.Turn) error {
	if w.changed {
		return t.Done(value.Unit)
	}
	return t.Done(w.arr)
}

// less reads a comparator's answer to (x, y): whether x goes before y. What is
// no answer, and an error, leaves the order to the types.
func less(t *native.Turn, x, y value.Value) bool {
	if t.Err == nil {
		switch r := t.Result.Plain(); r.Kind() {
		case value.KInt:
			return r.Int() < 0
		case value.KBool:
			return r.Bool()
		}
	}
	t.Handled = t.Err != nil
	return rank(x.Plain()) < rank(y.Plain())
}

// ranks order the types when a comparator does not: an accident of how native
// Rhai is built, kept because results show it.
var ranks = [...]int{
	value.KInt: 1, value.KFloat: 2, value.KRange: 3, value.KArray: 4, value.KByte: 5, value.KFn: 6, value.KIter: 8,
	value.KString: 9, value.KChar: 10, value.KUnit: 11, value.KBool: 12, value.KMap: 13, value.KBlob: 14, value.KTime: 15,
	value.KObject: 16,
}

func rank(v value.Value) int {
	if v.Is(value.KRange) && v.Range().Inclusive {
		return 7
	}
	return ranks[v.Kind()]
}

// insertion is insertion sort. The element at j is on its way down to its
// place among those before it, which are sorted.
type insertion struct {
	walk // i is where the element at j came from
	j    int
}

func (s *insertion) Resume(t *native.Turn) error {
	e := s.items()
	if !t.Started {
		t.Fn, t.Shape, t.BindThis, t.NArgs = s.fn, native.ShapeExact, false, 2
		s.i, s.j = 1, 1
	} else {
		before := less(t, e[s.j], e[s.j-1])
		if before {
			e[s.j], e[s.j-1] = e[s.j-1], e[s.j]
			s.j--
		}
		if !before || s.j == 0 {
			s.i++
			s.j = s.i
		}
		if s.i == len(e) {
			return s.finish(t)
		}
	}
	t.Args[0], t.Args[1] = e[s.j].Share(), e[s.j-1].Share()
	return nil
}

// mergeSort is a bottom-up merge sort: each pass merges neighbouring sorted
// runs of the array into spare, and then they change places. It asks at most
// n·log₂ n questions however they are answered.
type mergeSort struct {
	walk
	spare    value.Value
	src, dst []value.Value
	width    int // of the runs that the pass merges
	// The runs being merged are src[i:mid] and src[j:hi], less what was taken;
	// dst[k] is next.
	left, mid, right, hi, k int
}

// pass starts a pass over runs of the given width.
func (s *mergeSort) pass(width int) {
	s.width, s.src, s.dst = width, s.arr.Array().E, s.spare.Array().E
	s.hi, s.k = 0, 0
	s.next()
}

// next goes on to the next two runs.
func (s *mergeSort) next() {
	n := len(s.src)
	s.left, s.mid = s.hi, min(s.hi+s.width, n)
	s.right, s.hi = s.mid, min(s.mid+s.width, n)
}

func (s *mergeSort) Resume(t *native.Turn) error {
	if !t.Started {
		t.Fn, t.Shape, t.BindThis, t.NArgs = s.fn, native.ShapeExact, false, 2
	} else {
		at := &s.left
		if less(t, s.src[s.right], s.src[s.left]) {
			at = &s.right
		}
		s.dst[s.k] = s.src[*at]
		s.k++
		*at++
	}
	for s.left == s.mid || s.right == s.hi {
		if s.copyRest(); s.width >= len(s.src) {
			return s.finish(t)
		}
	}
	// The later element is asked about first, as in native Rhai: a comparator
	// that says false of equals leaves them in their order.
	t.Args[0], t.Args[1] = s.src[s.right].Share(), s.src[s.left].Share()
	return nil
}

// copyRest takes over what is left when one of the runs is used up, and goes
// on to the next runs or the next pass.
func (s *mergeSort) copyRest() {
	s.k += copy(s.dst[s.k:], s.src[s.left:s.mid])
	s.k += copy(s.dst[s.k:], s.src[s.right:s.hi])
	if s.hi < len(s.src) {
		s.next()
		return
	}
	// The array always holds every element once, for who looks at it when the
	// sort is abandoned.
	s.arr.Array().E, s.spare.Array().E = s.dst, s.src
	s.pass(2 * s.width)
}

func (s *mergeSort) Visit(visit func(value.Value)) {
	s.walk.Visit(visit)
	visit(s.spare)
}
