package hostapi

import (
	"io"
	"time"

	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// Invocation is what one run of a script has to do with: its event, and what
// answers its host calls. Natives find it by Call.Host. It belongs to the
// goroutine of the run.
type Invocation struct {
	Execution *picloud.Execution
	// Now is the clock, and Rand the randomness, of the script.
	Now  func() time.Time
	Rand io.Reader
	// Log takes what the script says.
	Log func(level picloud.Level, message string)
	// Patterns holds compiled regular expressions; it may serve one run after
	// the other, but only one at a time.
	Patterns *Patterns

	request *request // made when the script first looks
}

// invocation finds the run that a call belongs to.
func invocation(c *rhai.Call) *Invocation { return c.Host().(*Invocation) }

// Modules lists the modules that every script has.
func Modules() []*rhai.Module {
	return []*rhai.Module{
		logModule(), jsonModule(), base64Module(), hexModule(), hashModule(), hmacModule(),
		uuidModule(), randModule(), timeModule(), urlModule(), htmlModule(), csvModule(),
		regexModule(), envModule(),
	}
}

// Global makes the functions that are called without a module's name: the
// request's and the responses'.
func Global() *rhai.Module {
	g := rhai.NewModule("")
	addResponses(g)
	addFields(g, fieldsType)
	addFields(g, formType)
	addForm(g)
	addRequest(g)
	return g
}
