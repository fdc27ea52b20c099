package picloud

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// maxJSONNesting is how deep scripts read JSON.
const maxJSONNesting = 64

// ValidateJSON refuses text that a script could not read as JSON: they read
// strictly, so that nothing is lost in silence. Besides what is no JSON at all
// it refuses objects with a key twice, halves of surrogate pairs, numbers
// beyond a float's range, and nesting that is too deep.
func ValidateJSON(field string, text []byte) error {
	if !utf8.Valid(text) {
		return Invalid(field, "it is not valid UTF-8")
	}
	if !json.Valid(text) {
		return Invalid(field, "it is not JSON")
	}
	if halfSurrogate(text) {
		return Invalid(field, `it holds half a surrogate pair: \uD800 to \uDBFF and \uDC00 to \uDFFF only stand together`)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return validateJSONValue(d, field, 0)
}

func validateJSONValue(d *json.Decoder, field string, nesting int) error {
	t, err := d.Token()
	if err != nil {
		return Invalid(field, "it is not JSON")
	}
	if n, ok := t.(json.Number); ok {
		if _, err := strconv.ParseFloat(string(n), 64); err != nil {
			return Invalid(field, "the number %s is out of range", clip(string(n)))
		}
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if nesting == maxJSONNesting {
		return Invalid(field, "it is nested more than %d levels deep", maxJSONNesting)
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			name, _ := key.(string)
			if err != nil || seen[name] {
				return Invalid(field, "an object has the key %q twice", clip(name))
			}
			seen[name] = true
		}
		if err := validateJSONValue(d, field, nesting+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the bracket that closes it
		return Invalid(field, "it is not JSON")
	}
	return nil
}

// halfSurrogate reports whether valid JSON escapes half a surrogate pair, which
// encoding/json replaces in silence. Backslashes are in strings only.
func halfSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++ // what is escaped
		unit, ok := escapedUnit(text, i)
		if !ok {
			continue
		}
		i += 4
		if unit < 0xd800 || unit > 0xdfff {
			continue
		}
		low, ok := escapedUnit(text, i+2)
		if unit > 0xdbff || !ok || text[i+1] != '\\' || low < 0xdc00 || low > 0xdfff {
			return true
		}
		i += 6
	}
	return false
}

// escapedUnit is the code unit of an escape whose u is at i.
func escapedUnit(text []byte, i int) (uint64, bool) {
	if i+5 > len(text) || text[i] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 32)
	return unit, err == nil
}
