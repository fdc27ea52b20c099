package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// FileName is the key file in the data folder.
	FileName = "master.key"
	// CredentialName is its name among systemd's credentials:
	// LoadCredential=picloud-master-key:/etc/picloud/master.key.
	CredentialName = "picloud-master-key"

	maxFile = 64 << 10
)

// preamble heads every key file.
const preamble = `# The keys of a PiCloud instance, one a line; the last one seals. Without them
# nobody can read what is sealed in the database. Keep a copy, and keep it
# apart from the backups of the database.
`

// Location is where the keys are.
type Location struct {
	Path string
	// Create: the file is PiCloud's own and is made when it is not there.
	// A file that an operator names must exist: one that was made in the place
	// of a file that is not mounted would seal with a key that is lost.
	Create bool
}

// The bits of a mode that are refused. The containers' secret stores mount what
// an operator names readable for everybody in the container.
const (
	othersMayWrite fs.FileMode = 0o022
	othersMayRead  fs.FileMode = 0o037
)

func (l Location) forbidden() fs.FileMode {
	if l.Create {
		return othersMayRead
	}
	return othersMayWrite
}

// Locate finds the key file: PICLOUD_MASTER_KEY_FILE, else the credential
// picloud-master-key in systemd's CREDENTIALS_DIRECTORY, else master.key in
// the data folder.
func Locate(getenv func(string) string, data string) Location {
	if path := getenv("PICLOUD_MASTER_KEY_FILE"); path != "" {
		return Location{Path: path}
	}
	if dir := getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		path := filepath.Join(dir, CredentialName)
		if _, err := os.Stat(path); err == nil {
			return Location{Path: path}
		}
	}
	return Location{Path: filepath.Join(data, FileName), Create: true}
}

// Load reads the keys, and makes the file with a first one where it may.
func Load(at Location) (k *Keyring, created bool, err error) {
	keys, err := readFile(at.Path, at.forbidden())
	if errors.Is(err, fs.ErrNotExist) && at.Create {
		if err := createFile(at.Path); err != nil {
			return nil, false, fmt.Errorf("create the key file: %w", err)
		}
		keys, err = readFile(at.Path, at.forbidden())
		created = true
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the key file: %w", err)
	}
	k, err = New(keys...)
	if err != nil {
		return nil, false, fmt.Errorf("read the key file %s: %w", at.Path, err)
	}
	return k, created, nil
}

// AddKey adds a fresh key at the end of a file, which must exist.
func AddKey(path string) error {
	if _, err := readFile(path, othersMayWrite); err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.HasSuffix(old, []byte("\n")) {
		old = append(old, '\n')
	}
	return replaceFile(path, append(old, newLine()...))
}

// newLine is a fresh key as a line of the file.
func newLine() string {
	key := make([]byte, KeySize)
	rand.Read(key) // never fails, as its documentation has it
	return base64.StdEncoding.EncodeToString(key) + "\n"
}

// readFile reads the keys of a file whose mode has none of the forbidden bits.
// No message holds any of its text.
func readFile(path string, forbidden fs.FileMode) (keys [][]byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a key file", path)
	}
	if info.Mode().Perm()&forbidden != 0 {
		return nil, fmt.Errorf("%s is open to others; make it private with: chmod 600 %s", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != KeySize {
			return nil, fmt.Errorf("%s: line %d is not a key: %d bytes in base64 are expected", path, number, KeySize)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	return keys, nil
}

// createFile makes a key file, and does not touch one that is there.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp, err := writeTemporary(path, []byte(preamble+newLine()))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	// A link is made only where nothing is: of two at once one wins.
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func replaceFile(path string, data []byte) error {
	tmp, err := writeTemporary(path, data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncFolder(filepath.Dir(path))
}

// writeTemporary writes data to a file beside path, with mode 0600, and has it
// on disk: a key that seals something before it is safe itself would be the
// end of that something.
func writeTemporary(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
