package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/picloud"
)

// TestTooManyWebhooks has an app remember more than it may: the newest stay.
func TestTooManyWebhooks(t *testing.T) {
	t.Parallel()
	s := openAt(t, filepath.Join(t.TempDir(), "picloud.db"))
	apps, err := s.ListApps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const over = 5
	err = s.write(t.Context(), "fill", func(tx *tx) error {
		for i := range picloud.MaxWebhooksKept + over {
			if _, err := tx.exec("INSERT INTO webhooks (app_id, key, taken) VALUES ($1, $2, $3)", apps[0].ID, []byte{byte(i >> 8), byte(i)}, micros(time.Now())+int64(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.SweepDelivered(t.Context(), time.Now()); n != over || err != nil {
		t.Fatalf("forgot %d, want %d; %v", n, over, err)
	}
	for i, want := range map[int]bool{over - 1: false, over: true, picloud.MaxWebhooksKept + over - 1: true} {
		if got, err := s.Delivered(context.Background(), apps[0].ID, picloud.Delivery{Key: []byte{byte(i >> 8), byte(i)}}); got != want || err != nil {
			t.Errorf("number %d is remembered: %v, want %v; %v", i, got, want, err)
		}
	}
}
