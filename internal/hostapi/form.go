package hostapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"

	"github.com/picloud/picloud/rhai"
)

// maxFormParts bounds how many fields and files a form may have: each costs
// more than its bytes.
const maxFormParts = 1000

// form is a form that was sent: fields, and perhaps files.
type form struct {
	*fields
	files map[string][]formFile
}

// formFile is an uploaded file.
type formFile struct {
	name, contentType string
	data              []byte
}

// readForm reads a body as the form that its content type says it is.
func readForm(contentType string, body []byte) (*form, error) {
	kind, options, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, fmt.Errorf("its content type %q cannot be read", clip(valid(contentType)))
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return readURLEncoded(body)
	case "multipart/form-data":
		return readMultipart(options["boundary"], body)
	}
	return nil, fmt.Errorf("its content type is %q", clip(valid(kind)))
}

func readURLEncoded(body []byte) (*form, error) {
	if bytes.Count(body, []byte("&")) >= maxFormParts {
		return nil, fmt.Errorf("it has more than %d fields", maxFormParts)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("it is not urlencoded")
	}
	return &form{fields: &fields{values: values}}, nil
}

func readMultipart(boundary string, body []byte) (*form, error) {
	if boundary == "" {
		return nil, errors.New("its content type names no boundary")
	}
	f := &form{fields: &fields{values: map[string][]string{}}, files: map[string][]formFile{}}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return nil, errors.New("it is not whole, or not multipart")
		}
		if n == maxFormParts {
			return nil, fmt.Errorf("it has more than %d fields", maxFormParts)
		}
		if err := f.add(part); err != nil {
			return nil, err
		}
	}
}

func (f *form) add(part *multipart.Part) error {
	content, err := io.ReadAll(part)
	if err != nil {
		return errors.New("it is not whole, or not multipart")
	}
	name := valid(part.FormName())
	if part.FileName() == "" {
		f.values[name] = append(f.values[name], string(content))
		return nil
	}
	f.files[name] = append(f.files[name], formFile{
		name: valid(part.FileName()), contentType: valid(part.Header.Get("Content-Type")), data: content,
	})
	return nil
}

func returnForm(c *rhai.Call, f *form) error {
	v, err := c.Object(formType, f, objectSize)
	if err != nil {
		return err
	}
	return c.Return(v)
}

// addForm registers what forms have besides fields: the uploaded files.
func addForm(m *rhai.Module) {
	m.Func("file", params(formType, rhai.StringType), func(c *rhai.Call) error {
		files := receiver[*form](c).files[text(c, 1)]
		if len(files) == 0 {
			return nil
		}
		return returnFiles(c, files[:1], true)
	}, "an uploaded file as #{filename, content_type, body}, or ()")
	m.Func("files", params(formType, rhai.StringType), func(c *rhai.Call) error {
		return returnFiles(c, receiver[*form](c).files[text(c, 1)], false)
	}, "all uploaded files of a name")
}

func returnFiles(c *rhai.Call, files []formFile, one bool) error {
	list := make([]any, len(files))
	for i, f := range files {
		if err := work(c, 0, len(f.data)); err != nil {
			return err
		}
		v, err := c.ToValue(map[string]any{"filename": f.name, "content_type": f.contentType, "body": f.data})
		if err != nil {
			return err
		}
		if one {
			return c.Return(v)
		}
		list[i] = v
	}
	return returnAny(c, list)
}
