package hostapi

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// quote writes a string as a script has it.
func quote(s string) string {
	return strings.NewReplacer(`\x00`, `\0`).Replace(strconv.Quote(s))
}

func compiled(t testing.TB, pattern string) *regexp.Regexp {
	t.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return re
}
