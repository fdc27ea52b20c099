package domains

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/picloud/picloud/internal/picloud"
)

const field = "name"

// maxWritten bounds what is looked at of a name as it was written. Letters of
// other scripts get shorter and longer by their encoding, but not by that much.
const maxWritten = 1024

// Longest name, in bytes of its ASCII form: a name has 253, and the label that
// a proof needs stands before it.
const maxName = 253 - len(Label) - 1

// profile is IDNA as browsers look names up: UTS 46 without transitional rules,
// with the rules of host names and their lengths.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// localZones are answered by resolvers themselves, or are PiCloud's own.
var localZones = []string{"localhost", "onion", "invalid", "arpa"}

// Normalize is the form in which a domain is kept. base is the domain below
// which the instance's own hosts are, or "". Anything that cannot be a custom
// domain is a [picloud.Error].
func Normalize(name, base string) (string, error) {
	ascii, err := Host(name)
	if err != nil {
		return "", err
	}
	return ascii, validate(ascii, base)
}

// Host is the one form of a host name, which need not be one that an app may
// have: "localhost" is a host too.
func Host(name string) (string, error) {
	written := strings.TrimSpace(name)
	switch {
	case written == "":
		return "", picloud.Invalid(field, "a domain is required")
	case len(written) > maxWritten:
		return "", picloud.Invalid(field, "the domain has %d bytes; no domain is that long", len(written))
	case !utf8.ValidString(written):
		return "", picloud.Invalid(field, "the domain is not valid UTF-8")
	case strings.ContainsAny(written, ":/@?#[] \\"):
		return "", picloud.Invalid(field, "%q is not a domain: write it alone, like shop.example.org, without https://, port or path", clip(written))
	case strings.Contains(written, "*"):
		return "", picloud.Invalid(field, "%q is a wildcard; add each domain by itself", clip(written))
	}
	ascii, err := profile.ToASCII(strings.TrimSuffix(written, "."))
	if err != nil {
		return "", picloud.Invalid(field, "%q is not a domain (%s)", clip(written), reason(err))
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return "", picloud.Invalid(field, "%q is an address, not a domain", ascii)
	}
	return ascii, nil
}

// validate refuses well-formed names that are not for customers.
func validate(name, base string) error {
	first, last := strings.IndexByte(name, '.'), name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case below(name, localZones...):
		return picloud.Invalid(field, "%q is a name that every machine keeps for itself", name)
	case first < 0:
		return picloud.Invalid(field, "%q has one part only; a domain has a dot", name)
	case numeric(last):
		return picloud.Invalid(field, "%q ends in a number, as addresses do", name)
	case len(name) > maxName:
		return picloud.Invalid(field, "the domain has %d bytes, at most %d are allowed", len(name), maxName)
	case base != "" && below(name, base):
		return picloud.Invalid(field, "%q is one of this instance's own hosts, at or below %s", name, base)
	}
	return nil
}

// below reports whether a name is one of the zones or below it.
func below(name string, zones ...string) bool {
	for _, z := range zones {
		if name == z || strings.HasSuffix(name, "."+z) {
			return true
		}
	}
	return false
}

// numeric reports whether a last label would make browsers read the name as
// an IPv4 address: digits, or 0x and hexadecimal ones.
func numeric(label string) bool {
	if digits, hex := strings.CutPrefix(label, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// reason is the part of an IDNA error that helps.
func reason(err error) string {
	return strings.ToValidUTF8(strings.TrimPrefix(err.Error(), "idna: "), "�")
}

// clip shortens what is repeated in a message.
func clip(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:80]) + "…"
	}
	return s
}
