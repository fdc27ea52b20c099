package executor

import (
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// Definitions are the files from which editors learn what scripts can call.
func (e *Executor) Definitions() []rhai.DefinitionFile {
	files := e.engines.of(picloud.DefaultLimits()).rhai.Definitions()
	return append(files, rhai.DefinitionFile{
		Name: "__scope__.d.rhai",
		Text: "module static;\n\n/// The request that the script answers, where it has no handler.\nlet " + requestVariable + ": request;\n",
	})
}
