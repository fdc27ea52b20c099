package picloud

import (
	"strings"
	"testing"
)

func TestWebhookOptions(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"POST /x webhook=github:S":                                  "POST /x webhook=github:S",
		"/x webhook=standard:NEW,OLD webhook-tolerance=60 auth=key": "/x auth=key webhook=standard:NEW,OLD webhook-tolerance=60",
		"/x webhook-tolerance=3600 webhook=slack:a cors=*":          "/x cors=* webhook=slack:a webhook-tolerance=3600",
		"/x webhook=hmac:S webhook-header=X-Sum":                    "/x webhook=hmac:S webhook-header=x-sum",
		"/x webhook=hmac:S webhook-prefix=sha256= webhook-header=x webhook-encoding=hex webhook-algorithm=sha256": "/x webhook=hmac:S webhook-header=x webhook-prefix=sha256=",
		"/x webhook=hmac:S webhook-id=X-Id webhook-header=x webhook-encoding=base64 webhook-algorithm=sha512 ":    "/x webhook=hmac:S webhook-header=x webhook-algorithm=sha512 webhook-encoding=base64 webhook-id=x-id",
	} {
		checkRoute(t, in, want)
	}
	for _, options := range []string{
		"webhook", "webhook=", "webhook=github", "webhook=github:", "webhook=:S", "webhook=gitlab:S", "webhook=github:S,", "webhook=github:S,S",
		"webhook=github:a,b,c,d,e", "webhook=github:my-secret", "webhook=github:1", "webhook=github:" + strings.Repeat("a", 65),
		"webhook=github:S webhook=github:S", "webhook=github:S webhook-tolerance=60", "webhook=stripe:S webhook-tolerance=0",
		"webhook=stripe:S webhook-tolerance=3601", "webhook=stripe:S webhook-tolerance=1h", "webhook=stripe:S webhook-tolerance=99999999999999999999",
		"webhook-tolerance=60", "webhook-header=x", "webhook=github:S webhook-header=x", "webhook=hmac:S", "webhook=hmac:S webhook-header=",
		"webhook=hmac:S webhook-header=a:b", "webhook=hmac:S webhook-header=x webhook-id=é", "webhook=hmac:S webhook-header=x webhook-algorithm=md5",
		"webhook=hmac:S webhook-header=x webhook-encoding=base32", "webhook=hmac:S webhook-header=x webhook-prefix=" + strings.Repeat("p", 65),
		"webhook=hmac:S webhook-header=x webhook-colour=red", "webhooks=github:S",
	} {
		if r, err := ParseRoute("/x " + options); !IsCode(err, CodeInvalid) {
			t.Errorf("ParseRoute(/x %s) = %q, %v; it is to be refused", options, r, err)
		}
	}
}
