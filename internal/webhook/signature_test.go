package webhook

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// vector is a delivery as a sender documents it, or, where its documentation
// gives no complete one, as another program signs it by the same rules.
type vector struct {
	name    string
	options string
	secret  string
	body    string
	at      int64
	header  []string
	id      string // "" when it is a hash
}

const slackBody = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner" +
	"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
	"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

var vectors = []vector{
	{
		"Standard Webhooks", "webhook=standard:S", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", `{"test": 2432232314}`, 1614265330,
		[]string{"Webhook-Id: msg_p5jXN8AQM9LWM0D4loKWxJek", "Webhook-Timestamp: 1614265330", "Webhook-Signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		"msg_p5jXN8AQM9LWM0D4loKWxJek",
	},
	{
		"Svix's own names", "webhook=standard:S", "whsec_plJ3nmyCDGBKInavdOK15jsl", `{"event_type":"ping","data":{"success":true}}`, 1731705121,
		[]string{"Svix-Id: msg_loFOjxBNrRLzqYUf", "Svix-Timestamp: 1731705121", "Svix-Signature: v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="},
		"msg_loFOjxBNrRLzqYUf",
	},
	{
		"GitHub", "webhook=github:S", "It's a Secret to Everybody", "Hello, World!", 0,
		[]string{"X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958"},
		"72d3162e-cc78-11e3-81ab-4c9367dc0958",
	},
	{
		"Slack", "webhook=slack:S", "8f742231b10e8888abcd99yyyzzz85a5", slackBody, 1531420618,
		[]string{"X-Slack-Request-Timestamp: 1531420618", "X-Slack-Signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
		"",
	},
	{ // printf '%s' '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret
		"Stripe", "webhook=stripe:S", "whsec_test_secret", `{"id":"evt_1"}`, 1492774577,
		[]string{"Stripe-Signature: t=1492774577,v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f,v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"},
		"",
	},
	{ // printf '%s' hello | openssl dgst -sha512 -hmac key -binary | base64 -w0
		"HMAC", "webhook=hmac:S webhook-header=X-Sign webhook-algorithm=sha512 webhook-encoding=base64 webhook-prefix=sum= webhook-id=X-Id", "key", "hello", 0,
		[]string{"X-Sign: sum=/warNnV3d4FcAI0yyOFKcFtOe/MQNRoGojthLcTHQz53V9IFJaVZO3ECDqLuFi0jEbJH6YVYYrJwEiQZZSwMkg==", "X-Id: 7"},
		"7",
	},
	{ // printf '%s' hello | openssl dgst -sha1 -hmac key
		"HMAC without more", "webhook=hmac:S webhook-header=x-sign webhook-algorithm=sha1", "key", "hello", 0,
		[]string{"X-Sign: b34ceac4516ff23a143e61d79d0fa7a4fbe5f266"},
		"",
	},
}

func (v vector) spec(t testing.TB) picloud.Webhook {
	t.Helper()
	spec, err := picloud.ParseWebhook(v.options)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func (v vector) headers() http.Header {
	h := http.Header{}
	for _, line := range v.header {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func (v vector) now() time.Time { return time.Unix(v.at, 0) }

// check reads and checks a delivery.
func check(spec picloud.Webhook, h http.Header, secrets []string, body string, now time.Time) (string, error) {
	s, err := Read(spec, h)
	if err != nil {
		return "", err
	}
	keys := make([][]byte, len(secrets))
	for i := range secrets {
		keys[i] = []byte(secrets[i])
	}
	err = s.Check(keys, []byte(body), now)
	return s.ID(), err
}

func TestSenders(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			spec := v.spec(t)
			s, err := Read(spec, v.headers())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Check([][]byte{[]byte(v.secret)}, []byte(v.body), v.now()); err != nil {
				t.Error(err)
			}
			if v.id != "" && s.ID() != v.id {
				t.Errorf("the delivery is %q, want %q", s.ID(), v.id)
			}
			if named := s.ID() != ""; named != (v.id != "" || v.at != 0) {
				t.Errorf("the delivery is %q", s.ID())
			}
			other := "whsec_" + strings.Repeat("A", 32)
			if _, err := check(spec, v.headers(), []string{other, v.secret}, v.body, v.now()); err != nil {
				t.Errorf("with the other secret first: %v", err)
			}
			wrong(t, "another body", spec, v.headers(), []string{v.secret}, v.body+" ", v.now(), picloud.CodeWebhookSignature)
			wrong(t, "another secret", spec, v.headers(), []string{other}, v.body, v.now(), picloud.CodeWebhookSignature)
			wrong(t, "no secret", spec, v.headers(), nil, v.body, v.now(), picloud.CodeWebhookSignature)
		})
	}
}

func wrong(t *testing.T, what string, spec picloud.Webhook, h http.Header, secrets []string, body string, now time.Time, want picloud.Code) {
	t.Helper()
	if _, err := check(spec, h, secrets, body, now); !picloud.IsCode(err, want) {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

// TestHeadersThatLack takes each header away, empties it, and doubles it.
func TestHeadersThatLack(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		spec := v.spec(t)
		for name, values := range v.headers() {
			if name == "X-Github-Delivery" || name == "X-Id" {
				continue // they are not signed
			}
			for what, change := range map[string]func(http.Header){
				"without":        func(h http.Header) { h.Del(name) },
				"an empty":       func(h http.Header) { h.Set(name, "") },
				"two of":         func(h http.Header) { h.Add(name, values[0]) },
				"nonsense in":    func(h http.Header) { h.Set(name, "\xff=,=v1,v0=sha256=zz") },
				"a half of":      func(h http.Header) { h.Set(name, values[0][:len(values[0])/2]) },
				"a space before": func(h http.Header) { h.Set(name, " x"+values[0]) },
			} {
				h := v.headers()
				change(h)
				wrong(t, v.name+": "+what+" "+name, spec, h, []string{v.secret}, v.body, v.now(), picloud.CodeWebhookSignature)
			}
		}
	}
}

// TestTimes moves the clock to both ends of the tolerance and a second beyond.
func TestTimes(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		if v.at == 0 {
			continue
		}
		for tolerance, options := range map[time.Duration]string{5 * time.Minute: "", 30 * time.Second: " webhook-tolerance=30"} {
			v := v
			v.options += options
			for _, sign := range []time.Duration{-1, 1} {
				if _, err := check(v.spec(t), v.headers(), []string{v.secret}, v.body, v.now().Add(sign*tolerance)); err != nil {
					t.Errorf("%s: %v off: %v", v.name, sign*tolerance, err)
				}
				wrong(t, v.name+" too far off", v.spec(t), v.headers(), []string{v.secret}, v.body, v.now().Add(sign*(tolerance+time.Second)), picloud.CodeWebhookStale)
			}
		}
	}
}

// TestSeveralSignatures has senders sign with two secrets at once, and others
// hide a good signature among many.
func TestSeveralSignatures(t *testing.T) {
	t.Parallel()
	stripe, standard := vectors[4], vectors[0]
	good := strings.Split(strings.TrimPrefix(stripe.header[0], "Stripe-Signature: "), ",")[1]
	h := http.Header{"Stripe-Signature": {"t=1492774577,v1=00ff," + good}}
	id, err := check(stripe.spec(t), h, []string{stripe.secret}, stripe.body, stripe.now())
	if err != nil {
		t.Error(err)
	}
	again, err := check(stripe.spec(t), stripe.headers(), []string{stripe.secret}, stripe.body, stripe.now())
	if err != nil || again != id {
		t.Errorf("with one more signature the delivery is %q, without %q; %v", id, again, err)
	}
	h.Set("Stripe-Signature", "t=1492774577,t=1492774577,"+good)
	wrong(t, "two times", stripe.spec(t), h, []string{stripe.secret}, stripe.body, stripe.now(), picloud.CodeWebhookSignature)
	h.Set("Stripe-Signature", "t=1492774577"+strings.Repeat(",v1=00ff", maxSignatures)+","+good)
	wrong(t, "too many", stripe.spec(t), h, []string{stripe.secret}, stripe.body, stripe.now(), picloud.CodeWebhookSignature)

	h = standard.headers()
	h.Set("Webhook-Signature", "v1a,AAAA v2,BBBB v1,AAAA "+h.Get("Webhook-Signature"))
	if _, err := check(standard.spec(t), h, []string{standard.secret}, standard.body, standard.now()); err != nil {
		t.Error(err)
	}
	named := vectors[5]
	h = named.headers()
	h.Del("X-Id")
	wrong(t, "no name though the route asks for it", named.spec(t), h, []string{named.secret}, named.body, named.now(), picloud.CodeWebhookSignature)
	h = standard.headers()
	wrong(t, "a secret that is none", standard.spec(t), h, []string{"whsec_!"}, standard.body, standard.now(), picloud.CodeInternal)
}

// FuzzRead reads headers that anybody may send. Whatever is in them, without
// the secret nothing is signed.
func FuzzRead(f *testing.F) {
	for _, v := range vectors {
		h := v.headers()
		var values []string
		for _, line := range v.header {
			_, value, _ := strings.Cut(line, ": ")
			values = append(values, value)
		}
		for len(values) < 3 {
			values = append(values, "")
		}
		f.Add(v.options, values[0], values[1], values[2], len(h))
	}
	f.Fuzz(func(t *testing.T, options, a, b, c string, twice int) {
		spec, err := picloud.ParseWebhook(options)
		if err != nil || !spec.Enabled() {
			return
		}
		h := http.Header{}
		for _, names := range [][]string{
			{"webhook-id", "webhook-timestamp", "webhook-signature"}, {"x-hub-signature-256", "x-github-delivery"},
			{"stripe-signature"}, {"x-slack-request-timestamp", "x-slack-signature"}, {spec.Header, spec.ID},
		} {
			for i, name := range names {
				if name != "" {
					h.Set(name, []string{a, b, c}[i])
				}
			}
		}
		s, err := Read(spec, h)
		if err != nil {
			if !picloud.IsCode(err, picloud.CodeWebhookSignature) {
				t.Errorf("%q: %v", options, err)
			}
			return
		}
		if len(s.sums) > maxSignatures || len(s.id) > max(maxID, len(a), len(b)) {
			t.Errorf("%d signatures, an id of %d", len(s.sums), len(s.id))
		}
		if err := s.Check([][]byte{[]byte("whsec_c2VjcmV0c2VjcmV0c2VjcmV0")}, []byte("{}"), s.signedAt); !picloud.IsCode(err, picloud.CodeWebhookSignature) {
			t.Errorf("%q signed without the secret: %v", options, err)
		}
	})
}
