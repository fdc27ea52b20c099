package domains

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

func TestNormalize(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label}, ".")
	for _, c := range []struct{ in, want string }{
		{"shop.example.org", "shop.example.org"},
		{"  Shop.EXAMPLE.org.\n", "shop.example.org"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"BÜCHER.example", "xn--bcher-kva.example"},
		{"bu\u0308cher.example", "xn--bcher-kva.example"}, // u and a combining diaeresis
		{"straße.example", "xn--strae-oqa.example"},       // as browsers do since 2016, and not strasse
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
		{"日本。例え", "xn--wgv71a.xn--r8jz45g"}, // an ideographic full stop is a dot
		{"nas.home.lan", "nas.home.lan"},
		{"1.example", "1.example"},
		{long + ".example", long + ".example"},
	} {
		got, err := Normalize(c.in, "picloud.example.net")
		if err != nil || got != c.want {
			t.Errorf("Normalize(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestNormalizeRefuses(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for _, name := range []string{
		"", " ", ".", "..", "a..b", ".example.org", "example.org..",
		"localhost", "app.localhost", "LOCALHOST.", "intranet", "x.onion", "4.3.2.1.in-addr.arpa", "x.invalid",
		"*.example.org", "*", "a*.example.org",
		"127.0.0.1", "127.1", "0x7f.1", "1.2.3.0x4", "2130706433", "[::1]", "::1", "fe80::1%eth0", "127.0.0.1.",
		"http://example.org", "example.org:443", "example.org/path", "user@example.org", "example.org?x", "example.org#x", `a\b.org`,
		"exa mple.org", "example.org\x00", "exa\tmple.org", "a\u202eb.example", "\xff.example", "_dmarc.example.org", "a_b.example.org", "-a.example.org", "a-.example.org",
		"xn--a.example", "xn--.example", "ab--c.example\u0000",
		label + "a.example", strings.Repeat("a.", 120) + "example.org", strings.Repeat("ü", 600) + ".example", strings.Repeat("a", 5000),
		"own.example.net", "shop.own.example.net", "SHOP.own.example.NET.", "a.b.own.example.net",
		"١٢٧.0.0.1", // digits of another script become digits
	} {
		got, err := Normalize(name, "own.example.net")
		if !picloud.IsCode(err, picloud.CodeInvalid) {
			t.Errorf("Normalize(%q) = %q, %v; want it refused", clip(name), got, err)
		}
		if err != nil && len(err.Error()) > 600 {
			t.Errorf("Normalize(%q): the error has %d bytes", clip(name), len(err.Error()))
		}
	}
	if _, err := Normalize("notown.example.net", "own.example.net"); err != nil {
		t.Errorf("a domain whose name only ends like the base is refused: %v", err)
	}
}

// FuzzNormalize makes sure that what comes out stays as it is, and is nothing
// but letters, digits, hyphens and dots.
func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"shop.example.org", "bücher.example", "xn--bcher-kva.example", "127.0.0.1", "a..b", "日本。例え", "*.x.y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Normalize(s, "own.example.net")
		if err != nil {
			return
		}
		if again, err := Normalize(name, "own.example.net"); err != nil || again != name {
			t.Errorf("Normalize(%q) = %q, and of that %q, %v", s, name, again, err)
		}
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(name) > maxName || below(name, "localhost", "own.example.net") {
			t.Errorf("Normalize(%q) = %q", s, name)
		}
	})
}
