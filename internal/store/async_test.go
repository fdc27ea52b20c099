package store

import (
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// TestTheQueueOfAScriptHasAnEnd has requests wait for a script that together
// are almost too large, and one more.
func TestTheQueueOfAScriptHasAnEnd(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	d, err := s.Deploy(t.Context(), picloud.Deployment{App: picloud.DefaultApp, Scripts: []picloud.ScriptDeploy{{Name: "later", Source: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	sc := d[0].Script
	accept := func(id, body string) error {
		return s.Commit(t.Context(), picloud.Commit{
			AppID:  sc.AppID,
			Events: []picloud.NewEvent{{ID: id, ScriptID: sc.ID, Trigger: picloud.TriggerAsync, Kind: picloud.ValueBytes, Body: []byte(body)}},
			Async:  &picloud.NewAsync{ID: id, ScriptID: sc.ID, Script: sc.Name},
		})
	}
	if err := accept("first", "abc"); err != nil {
		t.Fatal(err)
	}
	grow := func(size int) {
		err := s.write(t.Context(), "pretend", func(tx *tx) error {
			_, err := tx.exec("UPDATE async_invocations SET size = $1 WHERE id = 'first'", size)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	grow(picloud.MaxAsyncBytes - 3)
	if err := accept("four", "four"); !picloud.IsCode(err, picloud.CodeOverloaded) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, _, err := s.AsyncByID(t.Context(), picloud.DefaultApp, "four"); !picloud.IsCode(err, picloud.CodeNotFound) {
		t.Errorf("it is there all the same: %v", err)
	}
	if err := accept("three", "abc"); err != nil {
		t.Errorf("what fits: %v", err)
	}
	if err := accept("none", ""); err != nil {
		t.Errorf("nothing: %v", err)
	}
}

// TestAnAppKeepsSoManyAnswers fills what an app may keep.
func TestAnAppKeepsSoManyAnswers(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	apps, err := s.ListApps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	app := apps[0].ID
	hold := func(key string) error {
		_, err := s.HoldAnswer(t.Context(), app, picloud.AnswerKey{Key: []byte(key), Fingerprint: []byte{1}}, "me", "node", s.now().Add(1<<40))
		return err
	}
	if err := hold("a"); err != nil {
		t.Fatal(err)
	}
	set := func(query string, args ...any) {
		if err := s.write(t.Context(), "pretend", func(tx *tx) error { _, err := tx.exec(query, args...); return err }); err != nil {
			t.Fatal(err)
		}
	}
	set("UPDATE answer_usage SET bytes = $1", picloud.MaxAnswersBytes)
	if err := hold("b"); !picloud.IsCode(err, picloud.CodeOverloaded) {
		t.Errorf("too many bytes: %v", err)
	}
	// What is to be forgotten makes room at once.
	set("UPDATE answers SET size = $1, until_at = 1", picloud.MaxAnswersBytes)
	if err := hold("b"); err != nil {
		t.Errorf("after one has expired: %v", err)
	}
	set("UPDATE answer_usage SET answers = $1", picloud.MaxAnswers)
	if err := hold("c"); !picloud.IsCode(err, picloud.CodeOverloaded) {
		t.Errorf("too many: %v", err)
	}
}
