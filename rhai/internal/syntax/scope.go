package syntax

// scope knows the variables that are visible at the place being parsed. One
// stack serves the whole text: a function or closure sees only the part above
// the base of its frame. names finds the topmost variable of a name at once,
// so that a text with very many variables still parses in linear time.
type scope struct {
	vars  []scopeVar
	names map[string]int32 // index in vars of the topmost variable
}

type scopeVar struct {
	name   string
	shadow int32 // index of the variable it hides, or -1
	const_ bool
}

func (s *scope) push(name string, isConst bool) {
	shadow, ok := s.names[name]
	if !ok {
		shadow = -1
	}
	if s.names == nil {
		s.names = make(map[string]int32)
	}
	s.names[name] = int32(len(s.vars))
	s.vars = append(s.vars, scopeVar{name, shadow, isConst})
}

// rewind forgets all variables but the first n.
func (s *scope) rewind(n int) {
	for i := len(s.vars) - 1; i >= n; i-- {
		if v := &s.vars[i]; v.shadow < 0 {
			delete(s.names, v.name)
		} else {
			s.names[v.name] = v.shadow
		}
	}
	s.vars = s.vars[:n]
}

// find is the variable of that name at or above base, or nil.
func (s *scope) find(name string, base int) *scopeVar {
	if i, ok := s.names[name]; ok && int(i) >= base {
		return &s.vars[i]
	}
	return nil
}

// frame is what the parser knows of the function or closure around a place.
type frame struct {
	base     int // of its variables in the scope
	closure  bool
	captures []Param // of a closure: outer variables in order of first use
	captured map[string]bool
}

// capture notes the use of a variable that the closure does not own.
func (f *frame) capture(name string, at Pos) {
	if f.captured[name] {
		return
	}
	if f.captured == nil {
		f.captured = make(map[string]bool)
	}
	f.captured[name] = true
	f.captures = append(f.captures, Param{name, at})
}
