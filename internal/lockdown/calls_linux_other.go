//go:build linux && !amd64 && !arm64 && !arm

package lockdown

// filterArch is 0 where it is not known what a filter would have to let
// through.
const (
	filterArch = 0
	callMmap   = 0
)

var plainCalls, acceptCalls []uint32
