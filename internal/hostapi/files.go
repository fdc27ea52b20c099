package hostapi

import (
	"context"
	"net/url"
	"strings"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// FileData answers what scripts ask of files.
type FileData interface {
	// ListFiles lists a range of the app's files.
	ListFiles(ctx context.Context, q picloud.FileQuery) (picloud.FilePage, error)
	// ReadBlob reads a part of a content.
	ReadBlob(ctx context.Context, part picloud.BlobPart) ([]byte, error)
	// StageBlob puts a content down that the run may give a name to.
	StageBlob(ctx context.Context, content []byte) (picloud.Blob, error)
}

// filesModule is the app's files. Contents are put down at once; that they have a
// name happens when the run has succeeded, with all else that it changes.
func filesModule() *rhai.Module {
	m := rhai.NewModule("files")
	str, any := rhai.StringType, rhai.AnyType
	m.Func("put", params(str, any), func(c *rhai.Call) error { return filesPut(c, rhai.Unit()) },
		"keeps a string or blob of at most 8 MiB as a file, and returns its info")
	m.Func("put", params(str, any, rhai.MapType), func(c *rhai.Call) error { return filesPut(c, c.Arg(2)) },
		"keeps a file: #{type: media type, open: whether everybody may read it}")
	m.Func("get", params(str), func(c *rhai.Call) error { return filesGet(c, false) },
		"the content of a file as a blob, or (); at most 8 MiB, of larger ones see get_range")
	m.Func("text", params(str), func(c *rhai.Call) error { return filesGet(c, true) },
		"the content of a file as a string, or ()")
	m.Func("get_range", params(str, rhai.IntType, rhai.IntType), filesGetRange,
		"so many octets of a file from an offset on, as a blob; fewer at its end; () when there is no such file")
	m.Func("info", params(str), filesInfo,
		"a map of a file's name, size, type, open, hash (SHA-256 in hex), version, written_at (seconds); () when there is none")
	m.Func("has", params(str), func(c *rhai.Call) error {
		_, there, err := fileArg(c)
		if err != nil {
			return err
		}
		return c.Return(rhai.Bool(there))
	}, "whether there is a file of that name")
	m.Func("delete", params(str), filesDelete, "removes a file, and tells whether it was there")
	m.Func("list", params(str), func(c *rhai.Call) error { return filesList(c, rhai.Unit()) },
		"infos of the files whose names start with a prefix, in the order of their bytes, at most 100")
	m.Func("list", params(str, rhai.MapType), func(c *rhai.Call) error { return filesList(c, c.Arg(1)) },
		"infos of the files whose names start with a prefix: #{after: name, limit: n}")
	m.Func("url", params(str), filesURL, "the path at which everybody may read a file that is open")
	return m
}

// nameArg is argument 0, a name.
func nameArg(c *rhai.Call) (string, error) {
	name := text(c, 0)
	if err := picloud.ValidateFileName(name); err != nil {
		return "", hostError(c, err)
	}
	return name, nil
}

// fileArg is the file named by argument 0, billed.
func fileArg(c *rhai.Call) (f picloud.File, there bool, err error) {
	name, err := nameArg(c)
	if err != nil {
		return f, false, err
	}
	if err := c.Charge(readCost); err != nil {
		return f, false, err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return f, false, err
	}
	if f, there, err = inv.tx.file(c.Context(), inv.Data, name); err != nil {
		return f, false, hostError(c, err)
	}
	return f, there, nil
}

func filesPut(c *rhai.Call, options rhai.Value) error {
	name, err := nameArg(c)
	if err != nil {
		return err
	}
	_, isText := c.Arg(1).AsString()
	if _, isBlob := c.Arg(1).AsBytes(); !isText && !isBlob {
		return c.Fail("a file is made of a string or a blob")
	}
	if n := size(c, 1); n > picloud.MaxFileContent {
		return c.Fail("the content has %d bytes; a script keeps at most %d at once", n, picloud.MaxFileContent)
	}
	content := data(c, 1)
	w := &picloud.FileWrite{Name: name}
	if isText {
		w.Type = "text/plain; charset=utf-8"
	}
	if err := fileOptions(c, options, w); err != nil {
		return err
	}
	if err := work(c, len(content), 0); err != nil {
		return err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return err
	}
	if err := inv.tx.putFile(c.Context(), inv.Data, w, content); err != nil {
		return hostError(c, err)
	}
	return returnInfo(c, fileOf(w))
}

func fileOptions(c *rhai.Call, options rhai.Value, w *picloud.FileWrite) error {
	if !options.IsUnit() {
		if err := onlyOptions(c, options, "type", "open"); err != nil {
			return err
		}
		if v, ok := options.Get("type"); ok && !v.IsUnit() {
			if w.Type, ok = v.AsString(); !ok {
				return c.Fail("type is a media type, like \"image/png\"")
			}
		}
		if v, ok := options.Get("open"); ok && !v.IsUnit() {
			if w.Public, ok = v.AsBool(); !ok {
				return c.Fail("open is true or false: whether everybody may read the file")
			}
		}
	}
	kind, err := picloud.FileType(w.Type)
	if err != nil {
		return hostError(c, err)
	}
	w.Type = kind
	return nil
}

func filesGet(c *rhai.Call, asText bool) error {
	f, there, err := fileArg(c)
	if err != nil || !there {
		return err
	}
	if f.Size > picloud.MaxFileContent {
		return c.Fail("the file has %d bytes; a script reads at most %d at once, see files::get_range", f.Size, picloud.MaxFileContent)
	}
	content, err := readFile(c, f, 0, f.Size)
	if err != nil {
		return err
	}
	if !asText {
		return returnBytes(c, content)
	}
	return returnText(c, strings.ToValidUTF8(string(content), "\uFFFD"))
}

func filesGetRange(c *rhai.Call) error {
	offset, length := number(c, 1), number(c, 2)
	if offset < 0 || length < 0 || length > picloud.MaxFileContent {
		return c.Fail("a range begins at 0 or later and has at most %d bytes", picloud.MaxFileContent)
	}
	f, there, err := fileArg(c)
	if err != nil || !there {
		return err
	}
	content, err := readFile(c, f, min(offset, f.Size), min(length, f.Size-min(offset, f.Size)))
	if err != nil {
		return err
	}
	return returnBytes(c, content)
}

// readFile reads a part of a file, billed before it is there.
func readFile(c *rhai.Call, f picloud.File, offset, length int64) ([]byte, error) {
	if err := work(c, int(length), int(length)); err != nil {
		return nil, err
	}
	if length == 0 {
		return nil, nil
	}
	content, err := invocation(c).Data.ReadBlob(c.Context(), picloud.BlobPart{ID: f.Blob, Offset: offset, Length: length})
	if picloud.IsCode(err, picloud.CodeNotFound) {
		err = picloud.ErrStale // it was replaced a while ago, and its content is gone
	}
	if err != nil {
		return nil, hostError(c, err)
	}
	return content, nil
}

func filesInfo(c *rhai.Call) error {
	f, there, err := fileArg(c)
	if err != nil || !there {
		return err
	}
	return returnInfo(c, f)
}

func filesDelete(c *rhai.Call) error {
	f, there, err := fileArg(c)
	if err != nil {
		return err
	}
	if there {
		if err := invocation(c).tx.removeFile(f.Name); err != nil {
			return hostError(c, err)
		}
	}
	return c.Return(rhai.Bool(there))
}

func filesList(c *rhai.Call, options rhai.Value) error {
	prefix, after, limit := text(c, 0), "", 100
	if len(prefix) > picloud.MaxKeyBytes {
		return c.Fail("the prefix has %d bytes, at most %d are allowed", len(prefix), picloud.MaxKeyBytes)
	}
	if !options.IsUnit() {
		if err := onlyOptions(c, options, "after", "limit"); err != nil {
			return err
		}
		if v, ok := options.Get("after"); ok && !v.IsUnit() {
			if after, ok = v.AsString(); !ok || len(after) > picloud.MaxKeyBytes {
				return c.Fail("after is the name after which the listing goes on")
			}
		}
		if v, ok := options.Get("limit"); ok && !v.IsUnit() {
			n, ok := v.AsInt()
			if !ok || n < 1 || n > picloud.MaxFilePage {
				return c.Fail("limit is how many files at most: 1 to %d", picloud.MaxFilePage)
			}
			limit = int(n)
		}
	}
	if err := c.Charge(readCost + 10*limit); err != nil {
		return err
	}
	inv := invocation(c)
	if err := inv.dataReady(); err != nil {
		return err
	}
	q := picloud.FileQuery{Limit: limit}
	q.From, q.To = picloud.PrefixRange(prefix, after)
	list, err := inv.tx.listFiles(c.Context(), inv.Data, q)
	if err != nil {
		return hostError(c, err)
	}
	infos := make([]rhai.Value, len(list))
	for i := range list {
		if infos[i], err = infoOf(c, list[i]); err != nil {
			return err
		}
	}
	v, err := c.Array(infos)
	if err != nil {
		return err
	}
	return c.Return(v)
}

func filesURL(c *rhai.Call) error {
	name, err := nameArg(c)
	if err != nil {
		return err
	}
	segments := strings.Split(name, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return returnText(c, picloud.FilesPath+strings.Join(segments, "/"))
}
