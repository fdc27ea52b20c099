package api

import "time"

// Files lists files of an app.
type Files struct {
	Files []File `json:"files"`
	More  bool   `json:"more" doc:"There are more behind the last: go on with after"`
}

// File is a file of an app.
type File struct {
	Name      string    `json:"name"`
	Size      int64     `json:"size"`
	Type      string    `json:"type" doc:"Media type"`
	Open      bool      `json:"open" doc:"Everybody may read it, below /_picloud/files/ on the app's hosts"`
	Hash      string    `json:"hash" doc:"SHA-256 of the content, in hex"`
	Version   int64     `json:"version"`
	WrittenAt time.Time `json:"written_at"`
}

// SetFile changes what is said of a file; its content stays.
type SetFile struct {
	Type *string `json:"type,omitempty"`
	Open *bool   `json:"open,omitempty"`
}
