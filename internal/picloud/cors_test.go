package picloud

import (
	"net/http"
	"slices"
	"testing"
)

func TestRouteOptions(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/x auth=public":                                        "/x",
		"POST /x  auth=key":                                     "POST /x auth=key",
		"/x auth=member cors=https://A.example":                 "/x auth=member cors=https://a.example",
		"/x cors-max-age=60 cors=* auth=key":                    "/x auth=key cors=* cors-max-age=60",
		"/x cors=http://a:8080,https://b cors-credentials":      "/x cors=http://a:8080,https://b cors-credentials",
		"/x cors=* cors-methods=GET,PUT cors-headers=X-A,x-b":   "/x cors=* cors-headers=x-a,x-b cors-methods=GET,PUT",
		"/x cors=capacitor://localhost cors-expose=X-Total":     "/x cors=capacitor://localhost cors-expose=x-total",
		"GET /a/{b} cors=https://[::1]:3000 cors-max-age=86400": "GET /a/{b} cors=https://[::1]:3000 cors-max-age=86400",
	} {
		checkRoute(t, in, want)
	}
	for _, in := range []string{
		"/x auth=", "/x auth", "/x auth=king", "/x auth=key auth=member", "/x auth=key auth=key", "/x cors", "/x cors=", "/x cors=a.example",
		"/x cors=https://a/", "/x cors=https://a/b", "/x cors=https://u:p@a", "/x cors=https://a?b", "/x cors=null", "/x cors=https://*.a",
		"/x cors=*,https://a", "/x cors=* cors-credentials", "/x cors-credentials", "/x cors=* cors-credentials=yes", "/x cors=* cors-max-age=0",
		"/x cors=* cors-max-age=86401", "/x cors=* cors-max-age=x", "/x cors=* cors-methods=FETCH", "/x cors=* cors-methods=get", "/x cors=* cors-headers=a:b",
		"/x cors=* cors-what=1", "/x cors=* cors=*", "/x colour=red", "/x y", "auth=key", "GET auth=key", "/x cors=,", "/x cors=https://a\"b",
	} {
		if r, err := ParseRoute(in); !IsCode(err, CodeInvalid) {
			t.Errorf("ParseRoute(%q) = %+v, %v: want a refusal", in, r, err)
		}
	}
}

// checkRoute reads a route and compares how it is written, which reads as the
// same route again.
func checkRoute(t *testing.T, in, want string) {
	t.Helper()
	r, err := ParseRoute(in)
	if err != nil || r.String() != want {
		t.Errorf("ParseRoute(%q) = %q, %v; want %q", in, r, err, want)
		return
	}
	if again, err := ParseRoute(r.String()); err != nil || again != r {
		t.Errorf("%q does not read itself: %+v, %v", r, again, err)
	}
}

func TestOptionsDoNotTellRoutesApart(t *testing.T) {
	t.Parallel()
	var table RouteTable
	if err := table.Add(Route{Path: "/x", Auth: AuthKey}, "one"); err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"one", "other"} {
		if err := table.Add(Route{Path: "/x", CORS: "cors=*"}, script); !IsCode(err, CodeRouteConflict) {
			t.Errorf("one path twice, with other options, for the script %q: %v", script, err)
		}
	}
}

func TestCORSDefaults(t *testing.T) {
	t.Parallel()
	c := CORS{Origins: []string{"*"}}
	if got := c.AllowedMethods(Route{Method: http.MethodGet}); !slices.Equal(got, []string{"GET", "HEAD"}) {
		t.Errorf("methods of a GET route: %v", got)
	}
	if got := c.AllowedMethods(Route{}); !slices.Contains(got, "DELETE") {
		t.Errorf("methods of a route for all: %v", got)
	}
	if got := c.AllowedHeaders(Route{}); !slices.Equal(got, []string{"content-type"}) {
		t.Errorf("headers: %v", got)
	}
	if got := c.AllowedHeaders(Route{Auth: AuthKey}); !slices.Contains(got, "authorization") {
		t.Errorf("headers with a key: %v", got)
	}
}
