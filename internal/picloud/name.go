package picloud

import (
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"
)

// The longest names, in bytes.
const (
	MaxAppName    = 40 // with a base domain it still fits a DNS label and stays readable
	MaxScriptName = 63
	MaxUsername   = 40
	MaxEmail      = 254 // RFC 5321
	MaxEnvName    = 64
)

// reservedApps would be mistaken for PiCloud's own hosts under a base domain.
var reservedApps = []string{"admin", "api", "www", "picloud"}

// ValidateAppName refuses a name that cannot be a DNS label of its own: an app
// is served from <name>.<base domain>.
func ValidateAppName(name string) error {
	const field = "app"
	if err := validateName(field, name, MaxAppName, "-"); err != nil {
		return err
	}
	if strings.HasSuffix(name, "-") {
		return Invalid(field, "%q ends in a hyphen", name)
	}
	if strings.HasPrefix(name, "xn--") {
		return Invalid(field, "%q starts with \"xn--\", which is kept for international host names", name)
	}
	if slices.Contains(reservedApps, name) {
		return Invalid(field, "%q is reserved", name)
	}
	return nil
}

// ValidateScriptName refuses a name that would not be a tidy path segment:
// by default a script answers at /<name>.
func ValidateScriptName(name string) error {
	return validateName("name", name, MaxScriptName, "-_")
}

// NormalizeUsername is the form in which a user name is kept and compared:
// trimmed, in lower case. It refuses names that would be confusing to read.
func NormalizeUsername(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if err := validateName("username", name, MaxUsername, "-_."); err != nil {
		return "", err
	}
	return name, nil
}

// NormalizeEmail is the form in which an address is kept and compared:
// trimmed, in lower case, without a display name.
func NormalizeEmail(email string) (string, error) {
	const field = "email"
	email = strings.ToLower(strings.TrimSpace(email))
	if email == "" {
		return "", Invalid(field, "an e-mail address is required")
	}
	if len(email) > MaxEmail {
		return "", Invalid(field, "the address is longer than %d bytes", MaxEmail)
	}
	addr, err := mail.ParseAddress(email)
	if err != nil || addr.Address != email || hasControl(email) || strings.ContainsAny(email, `"<> `) {
		return "", Invalid(field, "%q is not an e-mail address", clip(strings.ToValidUTF8(email, "�")))
	}
	return email, nil
}

// validateName is the rule that names share: lower-case ASCII letters, digits
// and the extra characters, starting with a letter or digit.
func validateName(field, name string, limit int, extra string) error {
	switch {
	case name == "":
		return Invalid(field, "a name is required")
	case !utf8.ValidString(name):
		return Invalid(field, "the name is not valid UTF-8")
	case len(name) > limit:
		return Invalid(field, "the name has %d bytes, at most %d are allowed", len(name), limit)
	case strings.IndexByte(extra, name[0]) >= 0:
		return Invalid(field, "%q must start with a letter or a digit", name)
	}
	for _, c := range name {
		if !isLowerAlnum(c) && !strings.ContainsRune(extra, c) {
			return Invalid(field, "%q holds %q; allowed are a-z, 0-9 and %s", name, c, spaced(extra))
		}
	}
	return nil
}

// ValidateEnvName refuses what could not be an environment variable's name.
func ValidateEnvName(field, name string) error {
	if name == "" || len(name) > MaxEnvName {
		return Invalid(field, "the name of a variable has 1 to %d bytes", MaxEnvName)
	}
	for i, c := range name {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return Invalid(field, "%q is not a variable name; allowed are letters, digits and _, not starting with a digit", strings.ToValidUTF8(name, "�"))
		}
	}
	return nil
}

func isLowerAlnum(c rune) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || 0x7f <= c && c < 0xa0 })
}

// ToText is s as something that can be stored and shown on one line: valid
// UTF-8 without control characters.
func ToText(s string) string {
	if utf8.ValidString(s) && !hasControl(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if c < 0x20 || 0x7f <= c && c < 0xa0 {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "�"))
}

// clipText is ToText, cut to at most limit bytes.
func clipText(s string, limit int) string {
	if s = ToText(s); len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// spaced turns "-_" into "- _" for a message.
func spaced(chars string) string { return strings.Join(strings.Split(chars, ""), " ") }
