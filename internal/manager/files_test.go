package manager

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	f := newOwned(t)
	content := "/api/v1/apps/default/files/content?name="
	put := func(name, body string) request {
		return request{method: http.MethodPut, path: content + name, body: body, header: map[string]string{"Content-Type": "text/css"}}
	}
	var file api.File
	f.want(put("a/style.css&open=true", "body { }"), http.StatusOK, &file)
	if file.Name != "a/style.css" || file.Size != 8 || file.Type != "text/css" || !file.Open || len(file.Hash) != 64 {
		t.Errorf("written: %+v", file)
	}
	f.want(put("b", ""), http.StatusOK, nil)
	var list api.Files
	f.want(request{path: "/api/v1/apps/default/files?prefix=a/"}, http.StatusOK, &list)
	if len(list.Files) != 1 || list.Files[0] != file || list.More {
		t.Errorf("listed: %+v", list)
	}
	resp := f.do(request{path: content + "a/style.css", header: map[string]string{"Range": "bytes=0-3"}})
	text, err := io.ReadAll(resp.Body)
	f.ok(err)
	if resp.StatusCode != http.StatusPartialContent || string(text) != "body" || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") ||
		!strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("read: %d %q %v", resp.StatusCode, text, resp.Header)
	}
	open, kind := false, "text/plain"
	f.want(request{method: http.MethodPatch, path: "/api/v1/apps/default/files/file?name=a/style.css", body: api.SetFile{Open: &open, Type: &kind}}, http.StatusOK, &file)
	if file.Open || file.Type != "text/plain" || file.Size != 8 {
		t.Errorf("changed: %+v", file)
	}
	quota := int64(10)
	f.ok(f.store.SetQuotas(t.Context(), picloud.DefaultApp, map[picloud.QuotaKind]*int64{picloud.QuotaFiles: &quota}))
	f.fails(put("c", "more"), http.StatusInsufficientStorage, picloud.CodeQuotaFiles)
	f.want(put("a/style.css", "0123456789"), http.StatusOK, nil) // in place of the old one
	for _, name := range []string{"..", "a//b", "/a", "a%5Cb"} {
		f.fails(put(name, "x"), http.StatusUnprocessableEntity, picloud.CodeInvalid)
	}
	bad := put("d", "x")
	bad.header["Content-Type"] = "nonsense"
	f.fails(bad, http.StatusUnprocessableEntity, picloud.CodeInvalid)
	remove := request{method: http.MethodDelete, path: "/api/v1/apps/default/files/file?name=b"}
	f.want(remove, http.StatusNoContent, nil)
	f.fails(remove, http.StatusNotFound, picloud.CodeNotFound)
	f.fails(request{path: content + "b"}, http.StatusNotFound, picloud.CodeNotFound)
}
