package picloud

import (
	"strings"
	"testing"
)

func TestValidateJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`1`, `"a"`, `null`, ` { "a" : [1, 2.5e3, {"a": true}] } `, `"\ud83d\ude00"`, `"\\ud800"`, `"\u00e9\n"`, `[]`, `{}`,
		`{"a":{"a":1},"b":{"a":1}}`, strings.Repeat("[", 64) + strings.Repeat("]", 64), `12345678901234567890`,
	} {
		if err := ValidateJSON("value", []byte(text)); err != nil {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	for _, text := range []string{
		``, `{`, `1 2`, `'a'`, `{"a":1,"a":2}`, `[{"x":{"b":1,"b":1}}]`, `"\ud800"`, `"\ude00"`, `"\ud800\ud800"`, `"\ud800x"`, `"\ud83d\\ude00"`,
		`{"\udead":1}`, `1e999`, `-1e400`, "\"\xff\"", strings.Repeat("[", 65) + strings.Repeat("]", 65),
	} {
		if err := ValidateJSON("value", []byte(text)); !IsCode(err, CodeInvalid) {
			t.Errorf("%.60s: %v, want that it is refused", text, err)
		}
	}
}
