package dashboard

import (
	"embed"
	"io/fs"
)

// dist is what scripts/pack.ts has written, or a placeholder. The prefix all:
// is needed for _app.
//
//go:embed all:dist
var dist embed.FS

// Built is the built application, of which every file that gets smaller by it
// is there as NAME.br and NAME.gz only. It holds no index.html.br when the
// application was not built.
func Built() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant, and valid
	}
	return sub
}
