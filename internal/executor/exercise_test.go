package executor_test

import (
	"testing"

	"github.com/picloud/picloud/internal/executor"
	"github.com/picloud/picloud/internal/executor/executortest"
)

func TestExercise(t *testing.T) {
	t.Parallel()
	executortest.Exercise(t, executor.New(executor.Config{}))
}
