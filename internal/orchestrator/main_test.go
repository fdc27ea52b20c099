package orchestrator

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/picloud/picloud/internal/testenv"
)

// TestMain fails when goroutines are left after all tests: each must have an
// owner that waits for it.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := testenv.Main(m)
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); code == 0 && n > before {
		fmt.Fprintf(os.Stderr, "%d goroutines are left, there were %d before\n", n, before)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		code = 1
	}
	os.Exit(code)
}
