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
	// Data answers what the script reads; nil: there is none to be had.
	Data Data
	// Outside makes the calls of the script; nil: there are none to be made.
	Outside Outside

	request *request // made when the script first looks
	secrets []string // the names of those that the script has asked for
	tx      transaction
	failed  error // why the run cannot succeed any more
}

// Effects is what the run has seen and wants to change; nil for nothing.
func (inv *Invocation) Effects() *picloud.Effects { return inv.tx.effects() }

// Staged is the contents that the run has put down.
func (inv *Invocation) Staged() []string { return inv.tx.files.staged }

// Failed is why the run has failed whatever its script made of it: a limit of
// the platform, or a platform that could not answer. nil if it has not.
func (inv *Invocation) Failed() error { return inv.failed }

// doom makes the run fail, even if its script catches the error.
func (inv *Invocation) doom(err error) error {
	if inv.failed == nil {
		inv.failed = err
	}
	return inv.failed
}

// dataReady fails where there is no data to work on.
func (inv *Invocation) dataReady() error {
	if inv.failed == nil && inv.Data == nil {
		return inv.doom(picloud.Errorf(picloud.CodeUnavailable, "there is no data to be had here"))
	}
	return inv.failed
}

// outsideReady fails where there is nobody to make calls.
func (inv *Invocation) outsideReady() error {
	if inv.failed == nil && inv.Outside == nil {
		return inv.doom(picloud.Errorf(picloud.CodeUnavailable, "there are no calls to be made here"))
	}
	return inv.failed
}

// invocation finds the run that a call belongs to.
func invocation(c *rhai.Call) *Invocation { return c.Host().(*Invocation) }

// Modules lists the modules that every script has.
func Modules() []*rhai.Module {
	return []*rhai.Module{
		logModule(), jsonModule(), base64Module(), hexModule(), hashModule(), hmacModule(),
		uuidModule(), randModule(), timeModule(), urlModule(), htmlModule(), csvModule(),
		regexModule(), templateModule(), markdownModule(), envModule(), kvModule(), httpModule(), secretModule(), jwtModule(), filesModule(),
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
	addPublish(g)
	addServerEvents(g)
	addReply(g)
	addSecret(g)
	return g
}
