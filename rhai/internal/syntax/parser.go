package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Options bound what a text may hold and choose its dialect. A limit of zero
// means no limit.
type Options struct {
	MaxExprDepth   int // nesting of expressions and statements outside functions
	MaxFnExprDepth int // the same inside functions
	MaxStringSize  int // bytes of a string literal
	MaxArraySize   int // elements of an array literal; as in native, the limit itself is too many
	MaxMapSize     int // entries of a map literal
	MaxFunctions   int // functions and closures; negative: none may be defined

	// AllowFuncs and AllowClosures are off inside eval: a text that defines
	// any is refused as a whole, without a position.
	AllowFuncs, AllowClosures bool
}

// depthCeiling bounds the nesting of any tree, whatever the options say: the
// parser, and whoever walks the tree, may recurse that deep.
const depthCeiling = 4096

// Parse reads a program. Its error, if any, is an *Error.
func Parse(source string, opts Options) (file *File, err error) {
	if e := checkEncoding(source); e != nil {
		return nil, e
	}
	p := &parser{opts: opts, file: &File{Source: source}, frame: &frame{}}
	defer p.recover(&err, &file)
	p.init(source)
	p.maxString = opts.MaxStringSize
	p.next()
	p.file.Stmts = p.program(context{max: depthLimit(opts.MaxExprDepth), flags: atTop, pos: Pos{1, 0}})
	if n := p.functions; n > 0 && (!opts.AllowFuncs && len(p.file.Funcs) > 0 || !opts.AllowClosures && len(p.file.Funcs) < n) {
		p.fail(&Error{Kind: KindWrongFnDefinition, Msg: "functions and closures cannot be defined here"})
	}
	p.file.Doc = strings.Join(p.fileDoc, "\n")
	p.file.End = p.at(p.off)
	return p.file, nil
}

// checkEncoding finds the first byte of a text that is not UTF-8.
func checkEncoding(source string) *Error {
	if utf8.ValidString(source) {
		return nil
	}
	pos := Pos{1, 1}
	for i, r := range source {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(source[i:]); size == 1 {
				return badInput(LexUnexpectedInput, pos, fmt.Sprintf("the byte 0x%02x is not UTF-8 text", source[i]))
			}
		}
		if pos.Col++; r == '\n' {
			pos.Line, pos.Col = pos.Line+1, 1
		}
	}
	return badInput(LexUnexpectedInput, pos, "the script is not UTF-8 text")
}

func depthLimit(n int) int32 {
	if n <= 0 || n > depthCeiling {
		return depthCeiling
	}
	return int32(n)
}

// parser reads the grammar by recursive descent, one method to a construct.
// An error unwinds it: fail panics with an *Error, which parse recovers.
type parser struct {
	lexer
	opts      Options
	file      *File
	scope     scope
	frame     *frame
	functions int // functions and closures read so far
	fnNames   map[string]bool
	fnKeys    map[fnKey]bool
	noPipe    bool // inside the values of a switch case, `|` separates them
}

// fnKey tells functions apart: by name, number of parameters and type of this.
type fnKey struct {
	name, this string
	typed      bool
	params     int
}

// context is what a construct knows of the place it stands at. It is passed by
// value, so that what is inside a construct cannot change what is around it.
type context struct {
	level, max int32
	flags      flags
	pos        Pos // where nesting too deep is reported
}

type flags uint8

const (
	atTop  flags = 1 << iota // outside any block: functions and exports may stand here
	inFn                     // in a function or closure: there is a `this`
	inLoop                   // break and continue have a target
)

func (c context) has(f flags) bool { return c.flags&f != 0 }

func (p *parser) fail(err *Error) { panic(err) }

func (p *parser) failf(kind string, pos Pos, format string, args ...any) {
	p.fail(&Error{Kind: kind, Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

// recover turns the panic of fail into an error.
func (p *parser) recover(err *error, file **File) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err, *file = r, nil
	default:
		panic(r)
	}
}

// attempt runs f and returns the error it fails with, or nil.
func (p *parser) attempt(f func()) (err *Error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

// deeper is the context one level further in.
func (p *parser) deeper(c context) context {
	if c.level >= c.max {
		p.failf(KindExprTooDeep, c.pos, "this is nested more than %d levels deep: use variables or functions for its parts", c.max)
	}
	c.level++
	return c
}

// deeperAt is deeper, for a construct that starts at pos.
func (p *parser) deeperAt(c context, pos Pos) context {
	c = p.deeper(c)
	c.pos = pos
	return c
}

// take passes over the current token, whose position it returns.
func (p *parser) take() Pos {
	pos := p.tok.pos
	p.next()
	return pos
}

// accept passes over the current token if it is of that kind.
func (p *parser) accept(k kind) bool {
	if p.tok.kind != k {
		return false
	}
	p.next()
	return true
}

// missing reports that a token was expected instead of the current one.
func (p *parser) missing(k kind, why string) {
	p.failf(KindMissingToken, p.tok.pos, "expected `%s` %s, found %s", kindText[k], why, p.tok.describe())
}

// checkToken fails if the current token is malformed.
func (p *parser) checkToken() {
	if p.tok.kind == tError {
		p.fail(p.tok.err)
	}
}

// expect passes over a token that must be there.
func (p *parser) expect(k kind, why string) Pos {
	if p.tok.kind != k {
		p.checkToken()
		p.missing(k, why)
	}
	return p.take()
}

// variable reads the name of a variable that is defined here.
func (p *parser) variable() Param {
	switch p.tok.kind {
	case tIdent:
		v := Param{p.tok.text, p.tok.pos}
		p.next()
		return v
	case tReservedWord:
		p.failReserved()
	}
	p.checkToken()
	p.failf(KindVariableExpected, p.tok.pos, "expected the name of a variable, found %s", p.tok.describe())
	panic("unreachable")
}

// instead says what to write for some words of other languages.
var instead = map[string]string{
	"var": "`let`", "null": "`()`", "nil": "`()`", "void": "`()`", "match": "`switch`", "case": "`value =>`",
	"default": "`_`", "use": "`import`", "public": "`export`", "static": "`const`",
	"function": "`fn`", "def": "`fn`", "func": "`fn`", "elif": "`else if`", "elsif": "`else if`", "mut": "`let`",
	"final": "`const`", "None": "`()`", "undefined": "`()`", "True": "`true`", "False": "`false`",
}

func (p *parser) failReserved() {
	word := p.tok.text
	if hint := instead[word]; hint != "" {
		p.failf(KindReserved, p.tok.pos, "%s is reserved; did you mean %s?", quote(word), hint)
	}
	p.failf(KindReserved, p.tok.pos, "%s is reserved and cannot be used here", quote(word))
}

// access notes that the variable name is used at pos: a closure captures it
// unless the name is its own or that of a function defined before.
func (p *parser) access(name string, pos Pos) {
	f := p.frame
	if f.closure && p.scope.find(name, f.base) == nil && !p.fnNames[name] {
		f.capture(name, pos)
	}
}

// maxFunctions reports whether no further function may be defined.
func (p *parser) maxFunctions() bool {
	return p.opts.MaxFunctions != 0 && p.functions >= p.opts.MaxFunctions
}

func (p *parser) failTooManyFunctions() {
	p.failf(KindTooManyFunctions, p.tok.pos, "the script defines more than %d functions and closures", max(p.opts.MaxFunctions, 0))
}
