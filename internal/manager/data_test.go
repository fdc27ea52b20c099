package manager

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

const (
	dataPath = "/api/v1/apps/default/data"
	keyPath  = dataPath + "/entry"
)

func atKey(key string) string { return keyPath + "?" + url.Values{"key": {key}}.Encode() }

func setting(body any) request {
	return request{method: http.MethodPut, path: keyPath, body: body}
}

func TestAKeyFromSettingToRemoval(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	const key = "a/ü b?&=%"
	f.want(setting(api.SetEntry{Key: key, Value: json.RawMessage(`{ "n": 1 }`)}), http.StatusNoContent, nil)
	var e api.Entry
	f.want(request{path: atKey(key)}, http.StatusOK, &e)
	if e.Key != key || string(e.Value) != `{"n":1}` || e.Version == 0 || e.Kind != picloud.ValueJSON || e.ExpiresAt != nil {
		t.Fatalf("read %+v", e)
	}
	f.want(setting(api.SetEntry{Key: key, Value: json.RawMessage("2"), IfVersion: &e.Version, TTLSeconds: 3600}), http.StatusNoContent, nil)
	f.fails(setting(api.SetEntry{Key: key, Value: json.RawMessage("3"), IfVersion: &e.Version}), http.StatusConflict, picloud.CodeConflict)
	f.fails(setting(api.SetEntry{Key: key, Value: json.RawMessage("3"), IfVersion: new(int64)}), http.StatusConflict, picloud.CodeConflict)
	f.want(setting(api.SetEntry{Key: "b", Value: json.RawMessage("null"), IfVersion: new(int64)}), http.StatusNoContent, nil)
	var page api.Entries
	f.want(request{path: dataPath + "?limit=1&values=true"}, http.StatusOK, &page)
	if len(page.Entries) != 1 || string(page.Entries[0].Value) != "2" || page.Entries[0].ExpiresAt == nil || !page.More {
		t.Errorf("listed %+v", page)
	}
	page = api.Entries{}
	f.want(request{path: dataPath + "?" + url.Values{"after": {key}}.Encode()}, http.StatusOK, &page)
	if len(page.Entries) != 1 || page.Entries[0].Key != "b" || page.Entries[0].Value != nil || page.More {
		t.Errorf("the next page is %+v", page)
	}
	var u api.DataUsage
	f.want(request{path: "/api/v1/apps/default/usage"}, http.StatusOK, &u)
	if want := (api.DataUsage{Keys: 2, Bytes: int64(len(key) + 1 + len("b") + len("null")), Quota: picloud.DefaultQuotaBytes}); u != want {
		t.Errorf("usage %+v, want %+v", u, want)
	}
	f.want(request{method: http.MethodDelete, path: atKey(key)}, http.StatusNoContent, nil)
	f.fails(request{method: http.MethodDelete, path: atKey(key)}, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: atKey(key)}, http.StatusNotFound, picloud.CodeNotFound)
}

func TestDataThatIsRefused(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	large, _ := json.Marshal(strings.Repeat("x", picloud.MaxValueBytes))
	for name, body := range map[string]string{
		"no key": `{"key":"","value":1}`, "control": `{"key":"\u0001","value":1}`, "long": `{"key":"` + strings.Repeat("k", 513) + `","value":1}`,
		"no value": `{"key":"k"}`, "both": `{"key":"k","value":1,"value_base64":"eA=="}`, "base64": `{"key":"k","value_base64":"?"}`,
		"large": `{"key":"k","value":` + string(large) + `}`, "ttl": `{"key":"k","value":1,"ttl_seconds":1e300}`,
		"negative": `{"key":"k","value":1,"if_version":-1}`,
		// What a script could not read again.
		"twice": `{"key":"k","value":{"a":1,"a":2}}`, "surrogate": `{"key":"k","value":"\ud800"}`,
		"deep": `{"key":"k","value":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`,
	} {
		t.Log(name)
		f.fails(setting(body), http.StatusUnprocessableEntity, picloud.CodeInvalid)
	}
	f.fails(setting(`{"key":"k","value":}`), http.StatusBadRequest, picloud.CodeMalformed)
	f.fails(request{path: atKey("")}, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	f.fails(request{path: atKey("k")}, http.StatusNotFound, picloud.CodeNotFound)
}
