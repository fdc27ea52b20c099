package orchestrator

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/picloud/picloud/internal/picloud"
)

// Sealer encrypts what the database must not show. What was sealed for one
// place does not open in another.
type Sealer interface {
	Seal(secret []byte, place string) ([]byte, error)
	Open(sealed []byte, place string) ([]byte, error)
}

// The first byte of a journal as it is kept.
const (
	journalPlain  = 0
	journalSealed = 1
)

// journalPlace is where the journal of an invocation is sealed for.
func journalPlace(id string) string { return "journal/" + id }

// unsealable are the headers that are not kept without a key to seal them
// with: what proves who somebody is.
var unsealable = [...]string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key"}

// wantsJournal decides whether the journal of an invocation is kept that goes
// well.
func (t *target) wantsJournal() bool {
	share := t.version.Settings.Journal
	return share > 0 && (share >= 1 || rand.Float64() < share)
}

// keepJournal adds to a record the journal that its run left, if it did.
func (o *Orchestrator) keepJournal(record *picloud.Record, x *picloud.Execution, out *picloud.Outcome) {
	if out.Journal == nil {
		return
	}
	j, err := picloud.DecodeJournal(out.Journal)
	if err != nil {
		o.cfg.Log.Warn("a run left no journal that can be read", "invocation", record.Invocation.ID, "script", x.Script, "err", err)
		return
	}
	kept := journalRecord(x, j, out)
	if o.cfg.Sealer == nil {
		kept.removeCredentials()
	}
	data, err := o.sealJournal(record.Invocation.ID, &kept.JournalRecord)
	if err != nil {
		o.cfg.Log.Error("a journal cannot be kept", "invocation", record.Invocation.ID, "script", x.Script, "err", err)
		return
	}
	record.Journal, record.Invocation.Journal = data, kept.State()
}

// keptJournal is a record that is being made. It shares the event with the run
// until something is taken out of it.
type keptJournal struct{ picloud.JournalRecord }

func journalRecord(x *picloud.Execution, j *picloud.Journal, out *picloud.Outcome) *keptJournal {
	k := &keptJournal{picloud.JournalRecord{Execution: *x, Journal: *j}}
	k.Outcome = picloud.JournalOutcome{Error: out.Error, Operations: out.Operations, Duration: out.Duration}
	if r := out.Response; r != nil {
		sum := sha256.Sum256(r.Body)
		k.Outcome.Status, k.Outcome.BodySHA256 = r.Status, sum[:]
	}
	k.Execution.Env, k.Execution.KeepJournal = nil, false
	if q := x.Request; q != nil && len(q.Body) > picloud.MaxJournalBody {
		short := *q
		short.Body, k.BodyCut = nil, true
		k.Execution.Request = &short
	}
	if e := x.Event; e != nil && len(e.Body) > picloud.MaxJournalBody {
		short := *e
		short.Body, k.BodyCut = nil, true
		k.Execution.Event = &short
	}
	return k
}

// removeCredentials takes out of the request what must not be kept in clear.
func (k *keptJournal) removeCredentials() {
	q := k.Execution.Request
	if q == nil {
		return
	}
	short := *q
	short.Header = http.Header{}
	for name, values := range q.Header {
		if slices.Contains(unsealable[:], http.CanonicalHeaderKey(name)) {
			k.Removed = append(k.Removed, name)
		} else {
			short.Header[name] = values
		}
	}
	k.Execution.Request = &short
	slices.Sort(k.Removed)
}

func (o *Orchestrator) sealJournal(id string, r *picloud.JournalRecord) ([]byte, error) {
	data, err := r.Encode()
	if err != nil {
		return nil, err
	}
	if o.cfg.Sealer == nil {
		return append([]byte{journalPlain}, data...), nil
	}
	sealed, err := o.cfg.Sealer.Seal(data, journalPlace(id))
	return append([]byte{journalSealed}, sealed...), err
}

func (o *Orchestrator) openJournal(id string, data []byte) (*picloud.JournalRecord, error) {
	if len(data) == 0 {
		return nil, picloud.Errorf(picloud.CodeInternal, "the journal is damaged")
	}
	form, data := data[0], data[1:]
	switch {
	case form == journalPlain:
		return picloud.DecodeJournalRecord(data)
	case form != journalSealed:
		return nil, picloud.Errorf(picloud.CodeInternal, "the journal is damaged")
	case o.cfg.Sealer == nil:
		return nil, picloud.Errorf(picloud.CodeNoJournal, "the journal is sealed, and this process has no key to open it with")
	}
	plain, err := o.cfg.Sealer.Open(data, journalPlace(id))
	if err != nil {
		return nil, &picloud.Error{Code: picloud.CodeNoJournal, Message: "the journal is sealed with a key that is not in the key file any more", Err: err}
	}
	return picloud.DecodeJournalRecord(plain)
}

// Journal is the journal of an invocation of an app. CodeNoJournal, with the
// reason, when none was kept.
func (o *Orchestrator) Journal(ctx context.Context, app, id string) (picloud.Invocation, *picloud.JournalRecord, error) {
	v, data, err := o.cfg.Store.JournalOf(ctx, app, id)
	if err != nil && v.ID != "" && picloud.IsCode(err, picloud.CodeNotFound) {
		return v, nil, noJournal(v)
	}
	if err != nil {
		return v, nil, err
	}
	r, err := o.openJournal(v.ID, data)
	return v, r, err
}

// noJournal says why an invocation has no journal, and how the next will have
// one.
func noJournal(v picloud.Invocation) error {
	why := "it could not be written, or there was too much to be written"
	switch {
	case v.Status == picloud.StatusOK:
		why = `the invocation went well, and of those a script keeps only the share that its setting "journal" says; ` +
			`with journal = 1.0 in picloud.toml all are kept`
	case v.Status == picloud.StatusCancel:
		why = "the invocation was ended from outside"
	case v.Error != nil && v.Error.Code == picloud.CodeExecutorLost:
		why = "the process that ran the script was lost, and the journal with it"
	case v.Error != nil && slices.Contains([]picloud.Code{picloud.CodeStale, picloud.CodeQuota, picloud.CodeUnavailable}, v.Error.Code):
		why = "the script itself went well or was not run; what it changed could not be written"
	}
	return picloud.Errorf(picloud.CodeNoJournal, "the journal of this invocation was not kept: %s", why)
}

// errJournalCut is why a journal cannot be replayed that there is.
func errJournalCut(r *picloud.JournalRecord) error {
	what := fmt.Sprintf("the run was answered more than the %d bytes that a journal holds", picloud.MaxJournalBytes)
	if r.BodyCut {
		what = fmt.Sprintf("the event's body has more than the %d bytes that are kept with a journal", picloud.MaxJournalBody)
	}
	return picloud.Errorf(picloud.CodeNoJournal, "the journal of this invocation can be looked at, but not replayed: %s", what)
}
