package orchestrator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
)

// maxReplayedLogs bounds the lines that a replay's are compared with.
const maxReplayedLogs = 100_000

// Replay runs the version of an invocation again on its event, answered by its
// journal, and tells whether it went as before. Nothing that the run wants to
// change happens. CodeNoJournal when there is no journal to do so with.
func (o *Orchestrator) Replay(ctx context.Context, app, id string) (*picloud.Replayed, error) {
	if !o.inflight.begin() {
		return nil, errStopping()
	}
	defer o.inflight.end()
	v, kept, err := o.Journal(ctx, app, id)
	if err != nil {
		return nil, err
	}
	if kept.State() != picloud.JournalKept {
		return nil, errJournalCut(kept)
	}
	x, err := o.replayOf(ctx, app, &v, kept)
	if err != nil {
		return nil, err
	}
	logs, err := o.logsOf(ctx, app, id)
	if err != nil {
		return nil, err
	}
	j := &job{Execution: *x, host: host{o: o, appID: v.AppID, meter: o.meters.of(v.AppID)}}
	j.host.x = &j.Execution
	out := o.execute(ctx, j)
	r := &picloud.Replayed{Invocation: v, Outcome: out, Removed: kept.Removed}
	r.Differences = differences(&v, kept, logs, out)
	return r, nil
}

// replayOf asks for the run of an invocation once more.
func (o *Orchestrator) replayOf(ctx context.Context, app string, v *picloud.Invocation, kept *picloud.JournalRecord) (*picloud.Execution, error) {
	version, _, err := o.cfg.Store.VersionByNumber(ctx, app, v.Script, v.Version)
	if picloud.IsCode(err, picloud.CodeNotFound) || err == nil && version.Hash != kept.Execution.Hash {
		return nil, picloud.Errorf(picloud.CodeNoJournal, "version %d of script %q, which ran, is not there any more", v.Version, v.Script)
	}
	if err != nil {
		return nil, err
	}
	versions, err := o.importsOf(ctx, app, &kept.Journal)
	if err != nil {
		return nil, err
	}
	x := kept.Execution
	x.AppID, x.Env = v.AppID, version.Settings.Env
	x.Replay = &picloud.Replay{Journal: kept.Journal.Encode(), Versions: versions}
	return &x, nil
}

// importsOf are the versions of other scripts that a journal names. That they
// are versions of the app's is looked up: a journal could say anything.
func (o *Orchestrator) importsOf(ctx context.Context, app string, j *picloud.Journal) ([]string, error) {
	known := map[string]bool{}
	var list []string
	for i := range j.Calls {
		c := &j.Calls[i]
		if c.Call != "import" || c.Error != nil {
			continue
		}
		var script, hash string
		if json.Unmarshal(c.Args, &script) != nil || json.Unmarshal(c.Result, &hash) != nil || known[hash] {
			continue
		}
		there, err := o.hasVersion(ctx, app, script, hash)
		if err != nil {
			return nil, err
		}
		if !there {
			return nil, picloud.Errorf(picloud.CodeNoJournal, "the version of script %q that was imported is not there any more", script)
		}
		known[hash] = true
		list = append(list, hash)
	}
	return list, nil
}

// hasVersion reports whether a script has a version with a hash.
func (o *Orchestrator) hasVersion(ctx context.Context, app, script, hash string) (bool, error) {
	for before := 0; ; {
		page, err := o.cfg.Store.ListVersions(ctx, app, script, before, picloud.MaxPage)
		if picloud.IsCode(err, picloud.CodeNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for i := range page {
			if page[i].Hash == hash {
				return true, nil
			}
			before = page[i].Number
		}
		if len(page) < picloud.MaxPage {
			return false, nil
		}
	}
}

// logsOf is what an invocation logged.
func (o *Orchestrator) logsOf(ctx context.Context, app, id string) (lines []picloud.LogLine, err error) {
	q := picloud.RecordQuery{App: app, Invocation: id, Ascending: true, Limit: picloud.MaxPage}
	for len(lines) < maxReplayedLogs {
		page, err := o.cfg.Store.ListLogs(ctx, q)
		if err != nil {
			return nil, err
		}
		lines = append(lines, page...)
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1].Seq
	}
	return lines, nil
}

// differences says in which way a replay went otherwise than the run before.
func differences(v *picloud.Invocation, kept *picloud.JournalRecord, logs []picloud.LogLine, out *picloud.Outcome) (list []string) {
	differ := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	was := &kept.Outcome
	if out.Error != nil && out.Error.Code == picloud.CodeDiverged {
		differ("%s%s", out.Error.Message, place(out.Error))
		return list
	}
	if a, b := endOf(was.Status, was.Error), endOf(statusOfResponse(out), out.Error); a != b {
		differ("it ended with %s, and the replay with %s", a, b)
	}
	if r := out.Response; r != nil && was.BodySHA256 != nil {
		if sum := sha256.Sum256(r.Body); !bytes.Equal(sum[:], was.BodySHA256) {
			differ("the response has another body")
		}
	}
	if was.Error != nil && was.Error.Code == picloud.CodeTimeout {
		return list // how far it came is a matter of the machine
	}
	if out.Operations != was.Operations {
		differ("it took %d operations, and the replay %d", was.Operations, out.Operations)
	}
	if v.LogsCut == out.LogsCut {
		if why := logDifference(logs, out.Logs); why != "" {
			differ("%s", why)
		}
	}
	return list
}

func statusOfResponse(out *picloud.Outcome) int {
	if out.Response == nil {
		return 0
	}
	return out.Response.Status
}

// place is where in the script an error arose, for a message.
func place(e *picloud.ScriptError) string {
	if e.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (at %d:%d)", e.Line, e.Column)
}

// endOf is how a run ended, in words.
func endOf(status int, e *picloud.ScriptError) string {
	if e == nil {
		return fmt.Sprintf("status %d", status)
	}
	return fmt.Sprintf("%s %q%s", e.Code, e.Message, place(e))
}

// logDifference is the first line in which two logs differ, in words.
func logDifference(was, now []picloud.LogLine) string {
	for i := range min(len(was), len(now)) {
		if was[i].Level != now[i].Level || was[i].Message != now[i].Message || was[i].Line != now[i].Line {
			return fmt.Sprintf("line %d of the log was %q, and is %q", i+1, was[i].Message, now[i].Message)
		}
	}
	if len(was) != len(now) {
		return fmt.Sprintf("the log had %d lines, and has %d", len(was), len(now))
	}
	return ""
}
