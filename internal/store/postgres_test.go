package store

import (
	"testing"

	"github.com/picloud/picloud/internal/store/storetest"
	"github.com/picloud/picloud/internal/testenv"
)

func TestPostgres(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T) storetest.Store {
		return openAt(t, testenv.Database(t))
	})
}
