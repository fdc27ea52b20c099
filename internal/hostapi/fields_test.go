package hostapi

import (
	"net/url"
	"testing"
)

// What is found by looking through a query is what taking it apart gives.
func FuzzScanQuery(f *testing.F) {
	for _, q := range []string{"name=Ada", "a=1&b=2&a=3", "a;b=1&b=2", "a=%zz&a=2", "%61=1", "a+b=c+d", "=x&", "a", "a=b=c", "&&a=1", "%zz=1&a"} {
		for _, name := range []string{"a", "b", "name", "a b", ""} {
			f.Add(q, name)
		}
	}
	f.Fuzz(func(t *testing.T, query, name string) {
		values, _ := url.ParseQuery(query)
		got, ok := scanQuery(query, name)
		if want := values[name]; ok != (len(want) > 0) || ok && got != want[0] {
			t.Errorf("%q in %q: %q %v, and net/url has %q", name, query, got, ok, want)
		}
	})
}
