package store

import (
	"os"
	"testing"

	"github.com/picloud/picloud/internal/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
