//go:build !unix

package orchestrator

import "time"

// processCPU is not known here.
func processCPU() time.Duration { return 0 }
