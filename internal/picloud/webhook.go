package picloud

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of the options for webhooks.
const (
	MaxWebhookSecrets   = 4
	maxWebhookPrefix    = 64
	minWebhookTolerance = time.Second
	maxWebhookTolerance = time.Hour
	// DefaultWebhookTolerance is how far the time that a sender has signed may
	// be from ours.
	DefaultWebhookTolerance = 5 * time.Minute
	// WebhookMemory is how long an app remembers which deliveries it has taken,
	// and MaxWebhooksKept how many of them at most, about: the newest stay.
	WebhookMemory   = 24 * time.Hour
	MaxWebhooksKept = 10_000
)

// WebhookKind is by whose rules deliveries are signed.
type WebhookKind string

// The kinds of signed deliveries.
const (
	WebhookStandard WebhookKind = "standard" // Standard Webhooks: Webhook-Id, -Timestamp and -Signature
	WebhookGitHub   WebhookKind = "github"   // X-Hub-Signature-256
	WebhookStripe   WebhookKind = "stripe"   // Stripe-Signature
	WebhookSlack    WebhookKind = "slack"    // X-Slack-Signature
	WebhookHMAC     WebhookKind = "hmac"     // an HMAC of the body in a header: see the fields below
)

var webhookKinds = []WebhookKind{WebhookStandard, WebhookGitHub, WebhookStripe, WebhookSlack, WebhookHMAC}

// Timed reports whether the sender signs a time too.
func (k WebhookKind) Timed() bool {
	return k == WebhookStandard || k == WebhookStripe || k == WebhookSlack
}

// Webhook tells by what signature the deliveries to a route are known. The zero
// value asks for none.
type Webhook struct {
	Kind WebhookKind
	// Secrets are the names of the app's secrets that a sender may have signed
	// with: one, or more while one takes the place of another.
	Secrets []string
	// Tolerance is how far the signed time may be from ours; 0 means
	// DefaultWebhookTolerance.
	Tolerance time.Duration

	// The rest is for WebhookHMAC.
	Header    string // in lower case: where the signature is
	Algorithm string // sha1, sha256 or sha512; "" means sha256
	Encoding  string // hex or base64; "" means hex
	Prefix    string // before the signature, like sha256=
	ID        string // in lower case: the header that names a delivery; "" for none
}

// Enabled reports whether a signature is asked for.
func (w Webhook) Enabled() bool { return w.Kind != "" }

// Within is how far the signed time may be from ours.
func (w Webhook) Within() time.Duration {
	if w.Tolerance == 0 {
		return DefaultWebhookTolerance
	}
	return w.Tolerance
}

// String is the webhook as options of a route, in one form; "" when no
// signature is asked for.
func (w Webhook) String() string {
	if !w.Enabled() {
		return ""
	}
	words := []string{"webhook=" + string(w.Kind) + ":" + strings.Join(w.Secrets, ",")}
	for _, f := range w.fields() {
		if *f.value != "" {
			words = append(words, f.name+"="+*f.value)
		}
	}
	if w.Tolerance != 0 {
		words = append(words, webhookTolerance+"="+strconv.Itoa(int(w.Tolerance.Seconds())))
	}
	return strings.Join(words, " ")
}

const webhookTolerance = "webhook-tolerance"

type webhookField struct {
	name  string
	value *string
}

// fields are the options of WebhookHMAC.
func (w *Webhook) fields() []webhookField {
	return []webhookField{
		{"webhook-header", &w.Header}, {"webhook-algorithm", &w.Algorithm}, {"webhook-encoding", &w.Encoding},
		{"webhook-prefix", &w.Prefix}, {"webhook-id", &w.ID},
	}
}

// ParseWebhook reads the options webhook=KIND:SECRET[,SECRET…],
// webhook-tolerance=SECONDS and, for the kind hmac, webhook-header=,
// webhook-algorithm=, webhook-encoding=, webhook-prefix= and webhook-id=, and
// validates them. The error's field is "route".
func ParseWebhook(text string) (Webhook, error) {
	var w Webhook
	for _, word := range strings.Fields(text) {
		if err := w.option(word); err != nil {
			return Webhook{}, err
		}
	}
	if text == "" {
		return w, nil
	}
	if err := w.validate(); err != nil {
		return Webhook{}, err
	}
	return w, nil
}

func (w *Webhook) option(word string) error {
	name, value, _ := strings.Cut(word, "=")
	if value == "" {
		return Invalid("route", "the option %q has no value", clip(ToText(word)))
	}
	switch name {
	case "webhook":
		kind, secrets, _ := strings.Cut(value, ":")
		w.Kind, w.Secrets = WebhookKind(kind), strings.Split(secrets, ",")
		return nil
	case webhookTolerance:
		n, err := strconv.Atoi(value)
		w.Tolerance = time.Duration(n) * time.Second
		if err != nil || n > int(maxWebhookTolerance.Seconds()) || w.Tolerance < minWebhookTolerance {
			return Invalid("route", "webhook-tolerance is a number of seconds up to %d, not %q", int(maxWebhookTolerance.Seconds()), clip(ToText(value)))
		}
		return nil
	}
	for _, f := range w.fields() {
		if f.name == name {
			*f.value = value
			return nil
		}
	}
	return Invalid("route", "%q is not an option for webhook", clip(ToText(word)))
}

// validate refuses what could not be checked, and puts it into its one form.
func (w *Webhook) validate() error {
	if !slices.Contains(webhookKinds, w.Kind) {
		return Invalid("route", "webhook is standard, github, stripe, slack or hmac, with the name of a secret: webhook=github:GITHUB_SECRET; not %q", clip(ToText(string(w.Kind))))
	}
	if len(w.Secrets) > MaxWebhookSecrets {
		return Invalid("route", "a webhook has at most %d secrets", MaxWebhookSecrets)
	}
	for i, name := range w.Secrets {
		if ValidateSecretName(name) != nil {
			return Invalid("route", "webhook=%s:%s: %q is not the name of a secret", w.Kind, clip(ToText(strings.Join(w.Secrets, ","))), clip(ToText(name)))
		}
		if slices.Contains(w.Secrets[:i], name) {
			return Invalid("route", "the secret %q is there twice", name)
		}
	}
	if w.Tolerance != 0 && !w.Kind.Timed() {
		return Invalid("route", "webhook-tolerance is for senders that sign the time: standard, stripe and slack")
	}
	return w.validateHMAC()
}

func (w *Webhook) validateHMAC() error {
	if w.Kind != WebhookHMAC {
		for _, f := range w.fields() {
			if *f.value != "" {
				return Invalid("route", "%s is for webhook=hmac only: the others know it", f.name)
			}
		}
		return nil
	}
	w.Header, w.ID = strings.ToLower(w.Header), strings.ToLower(w.ID)
	if w.Algorithm == "sha256" {
		w.Algorithm = ""
	}
	if w.Encoding == "hex" {
		w.Encoding = ""
	}
	switch {
	case w.Header == "":
		return Invalid("route", "webhook=hmac needs webhook-header= with the header that the signature is in")
	case !isToken(w.Header) || w.ID != "" && !isToken(w.ID):
		return Invalid("route", "webhook-header and webhook-id are names of headers")
	case !slices.Contains([]string{"", "sha1", "sha512"}, w.Algorithm):
		return Invalid("route", "webhook-algorithm is sha1, sha256 or sha512, not %q", clip(ToText(w.Algorithm)))
	case w.Encoding != "" && w.Encoding != "base64":
		return Invalid("route", "webhook-encoding is hex or base64, not %q", clip(ToText(w.Encoding)))
	case len(w.Prefix) > maxWebhookPrefix || hasControl(w.Prefix):
		return Invalid("route", "webhook-prefix is a text of %d bytes at most", maxWebhookPrefix)
	}
	return nil
}

// Delivery is a webhook that has come and whose signature is good.
type Delivery struct {
	// Key tells it from every other one of the app: a hash of the script, the
	// route, and what the sender calls it.
	Key []byte
}

// ErrDelivered is the error of a commit for a delivery that was taken before.
// Nothing of it has happened.
var ErrDelivered = Errorf(CodeConflict, "the webhook was taken before")
