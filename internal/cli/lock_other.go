//go:build !unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockData makes the data folder. Here there are no locks that end with their
// process: keeping two servers apart is up to their operator.
func lockData(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return os.OpenFile(filepath.Join(dir, "picloud.lock"), os.O_RDWR|os.O_CREATE, 0o600)
}
