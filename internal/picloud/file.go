package picloud

import (
	"context"
	"io"
	"mime"
	"strings"
	"time"
)

// What files may be, and what one invocation may do with them.
const (
	MaxFileContent  = 8 << 20 // bytes that a script writes or reads at once
	MaxFilesWritten = 100
	MaxFilePage     = 1_000
	maxFileType     = 200
	// DefaultFileType is that of a file of which nothing is said.
	DefaultFileType = "application/octet-stream"
)

// File is a name of an app with what is in it. Version is the app's commit that
// wrote it.
type File struct {
	Name      string
	Version   int64
	Blob      string // where its content is
	Size      int64
	Hash      string // of its content: SHA-256 in hex
	Type      string // media type
	Public    bool   // everybody may read it
	WrittenAt time.Time
}

// FileQuery asks for the files with names from From on and before To (no end when
// it is ""), in the order of their bytes, at most Limit of them (MaxFilePage when
// 0).
type FileQuery struct {
	From, To string
	Limit    int
}

// OneFile is the query for a name.
func OneFile(name string) FileQuery { return FileQuery{From: name, To: name + "\x00", Limit: 1} }

// FilePage is one listing. More says that there are names behind it in the range.
type FilePage struct {
	Files []File
	More  bool
}

// FileWrite gives a name a content, or removes it.
type FileWrite struct {
	Name   string
	Delete bool
	Blob   string
	Size   int64
	Hash   string
	Type   string
	Public bool
}

// Blob is a content that has been put down. It is nobody's until a commit gives it
// a name.
type Blob struct {
	ID   string
	Size int64
	Hash string // SHA-256 in hex
}

// BlobPart is what is to be read of a blob.
type BlobPart struct {
	ID             string
	Offset, Length int64
}

// Blobs keeps contents. What Put has acknowledged is on disk. A blob is never
// changed. Methods are safe for concurrent use.
type Blobs interface {
	// Put keeps what r gives under an id that there is not yet, and is its size
	// and SHA-256. One that is larger than limit is CodeQuotaFiles and is not
	// kept.
	Put(ctx context.Context, id string, r io.Reader, limit int64) (Blob, error)
	// Open reads a blob from an offset on, at most length bytes; CodeNotFound
	// if there is none.
	Open(ctx context.Context, id string, offset, length int64) (io.ReadCloser, error)
	// Delete removes blobs; one that is not there is no error.
	Delete(ctx context.Context, ids []string) error
	// Walk calls f for every blob that was put before a time.
	Walk(ctx context.Context, before time.Time, f func(id string) error) error
}

// ValidateFileName refuses what cannot be a name: what cannot be a key, and what
// would mean something else in a path.
func ValidateFileName(name string) error {
	const field = "name"
	if err := ValidateKey(name); err != nil {
		e := *err.(*Error)
		e.Field, e.Message = field, strings.Replace(e.Message, "the key", "the name", 1)
		return &e
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return Invalid(field, "the name has an empty part, or one that is . or .., between its slashes")
		}
	}
	if strings.ContainsRune(name, '\\') {
		return Invalid(field, "the name holds a backslash")
	}
	return nil
}

// FileType is a media type in its usual form; "" is the default.
func FileType(text string) (string, error) {
	if text == "" {
		return DefaultFileType, nil
	}
	kind, parameters, err := mime.ParseMediaType(text)
	if err != nil || !strings.Contains(kind, "/") || len(text) > maxFileType {
		return "", Invalid("type", "%.60q is not a media type, like text/plain", text)
	}
	return mime.FormatMediaType(kind, parameters), nil
}
