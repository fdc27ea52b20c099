package compile

// names is a stack of what is visible, found by name, the innermost first. The
// zero value is empty.
type names[T any] struct {
	items []T
	below []entry
	index map[string]int // innermost item of each name, once there are many
}

// entry is the name of an item, and the item of the same name below it, or -1.
type entry struct {
	name string
	next int
}

// fewNames is the number of items up to which looking at all of them is fast.
const fewNames = 24

func (s *names[T]) len() int { return len(s.items) }

// last is the item pushed last; the pointer is good until the next push.
func (s *names[T]) last() *T { return &s.items[len(s.items)-1] }

func (s *names[T]) push(name string, item T) *T {
	s.items = append(s.items, item)
	s.below = append(s.below, entry{name, -1})
	switch n := len(s.items); {
	case s.index != nil:
		s.enter(n - 1)
	case n > fewNames:
		s.index = make(map[string]int, 2*n)
		for i := range s.items {
			s.enter(i)
		}
	}
	return s.last()
}

func (s *names[T]) enter(i int) {
	e := &s.below[i]
	if at, ok := s.index[e.name]; ok {
		e.next = at
	}
	s.index[e.name] = i
}

// cut forgets all but the first n items.
func (s *names[T]) cut(n int) {
	if s.index != nil {
		for i := len(s.items) - 1; i >= n; i-- {
			if e := s.below[i]; e.next >= 0 {
				s.index[e.name] = e.next
			} else {
				delete(s.index, e.name)
			}
		}
	}
	s.items, s.below = s.items[:n], s.below[:n]
}

// has reports whether there is an item of that name from the first on.
func (s *names[T]) has(name string, first int) bool {
	if s.index != nil {
		at, ok := s.index[name]
		return ok && at >= first
	}
	for i := len(s.items) - 1; i >= first; i-- {
		if s.below[i].name == name {
			return true
		}
	}
	return false
}

// find is the innermost item of that name that is fit, or nil.
func (s *names[T]) find(name string, fit func(*T) bool) *T {
	if s.index == nil {
		for i := len(s.items) - 1; i >= 0; i-- {
			if s.below[i].name == name && fit(&s.items[i]) {
				return &s.items[i]
			}
		}
		return nil
	}
	i, ok := s.index[name]
	if !ok {
		return nil
	}
	for ; i >= 0; i = s.below[i].next {
		if fit(&s.items[i]) {
			return &s.items[i]
		}
	}
	return nil
}
