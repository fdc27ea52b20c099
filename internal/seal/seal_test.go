package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func ring(t *testing.T, fill ...byte) *Keyring {
	t.Helper()
	var keys [][]byte
	for _, b := range fill {
		keys = append(keys, bytes.Repeat([]byte{b}, KeySize))
	}
	k, err := New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, k *Keyring, secret, place string) []byte {
	t.Helper()
	sealed, err := k.Seal([]byte(secret), place)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedValuesOpenInTheirPlaceOnly(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	for _, secret := range []string{"", "JBSWY3DPEHPK3PXP", strings.Repeat("long", 1<<16)} {
		sealed := seal(t, k, secret, "totp/secret/7")
		if secret != "" && bytes.Contains(sealed, []byte(secret)) {
			t.Error("the secret is in the sealed value")
		}
		opened, err := k.Open(sealed, "totp/secret/7")
		if err != nil || string(opened) != secret {
			t.Errorf("opened %.20q, %v", opened, err)
		}
		for _, place := range []string{"", "totp/secret/8", "totp/secret/77"} {
			if _, err := k.Open(sealed, place); !errors.Is(err, ErrTampered) {
				t.Errorf("opened at %q: %v", place, err)
			}
			if _, _, err := ring(t, 1, 2).Rewrap(sealed, place); !errors.Is(err, ErrTampered) {
				t.Errorf("wrapped anew at %q: %v", place, err)
			}
		}
	}
	if a, b := seal(t, k, "same", "p"), seal(t, k, "same", "p"); bytes.Equal(a, b) {
		t.Error("two sealed values of one secret are equal")
	}
}

func TestEveryChangedBitIsSeen(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	sealed := seal(t, k, "secret", "p")
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := k.Open(bad, "p"); err == nil {
			t.Errorf("byte %d can be changed", i)
		}
	}
	for n := range sealed {
		if _, err := k.Open(sealed[:n], "p"); err == nil {
			t.Errorf("it opens when cut to %d bytes", n)
		}
	}
}

// Data key and secret of two sealed values cannot be put together.
func TestHalvesAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	a, b := seal(t, k, "aaaaaa", "p"), seal(t, k, "bbbbbb", "p")
	if _, err := k.Open(append(bytes.Clone(a[:headerSize]), b[headerSize:]...), "p"); !errors.Is(err, ErrTampered) {
		t.Errorf("a mixture opens: %v", err)
	}
}

func TestKeysChange(t *testing.T) {
	t.Parallel()
	old, both, fresh := ring(t, 1), ring(t, 1, 2), ring(t, 2)
	sealed := seal(t, old, "secret", "p")
	if opened, err := both.Open(sealed, "p"); err != nil || string(opened) != "secret" {
		t.Fatalf("the old key's: %q, %v", opened, err)
	}
	if _, err := fresh.Open(sealed, "p"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("without the old key: %v", err)
	}
	again, changed, err := both.Rewrap(sealed, "p")
	if err != nil || !changed {
		t.Fatalf("wrapped anew: %v, %v", changed, err)
	}
	if opened, err := fresh.Open(again, "p"); err != nil || string(opened) != "secret" {
		t.Errorf("with the new key alone: %q, %v", opened, err)
	}
	if _, changed, err := both.Rewrap(again, "p"); err != nil || changed {
		t.Errorf("a second time: changed %v, %v", changed, err)
	}
	if both.Current() != fresh.Current() || both.Current() == old.Current() {
		t.Errorf("keys %s, %s, %s", old.Current(), both.Current(), fresh.Current())
	}
}

func TestNewRefusesBadKeys(t *testing.T) {
	t.Parallel()
	if _, err := New(); err == nil {
		t.Error("a ring without a key")
	}
	if _, err := New(make([]byte, 16)); err == nil {
		t.Error("a short key")
	}
}

func load(t *testing.T, at Location) *Keyring {
	t.Helper()
	k, _, err := Load(at)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheFileIsMadeOnceAndPrivate(t *testing.T) {
	t.Parallel()
	at := Location{Path: filepath.Join(t.TempDir(), "data", FileName), Create: true}
	var ids [8]string
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			if k, _, err := Load(at); err != nil {
				t.Error(err)
			} else {
				ids[i] = k.Current()
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("keys %q: two at once have made two", ids)
		}
	}
	info, err := os.Stat(at.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(at.Path))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestAddKey(t *testing.T) {
	t.Parallel()
	at := Location{Path: filepath.Join(t.TempDir(), FileName), Create: true}
	old := load(t, at)
	sealed := seal(t, old, "secret", "p")
	if err := AddKey(at.Path); err != nil {
		t.Fatal(err)
	}
	k := load(t, at)
	if k.Current() == old.Current() {
		t.Error("the old key still seals")
	}
	if opened, err := k.Open(sealed, "p"); err != nil || string(opened) != "secret" {
		t.Errorf("opened %q, %v", opened, err)
	}
	if info, err := os.Stat(at.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := AddKey(at.Path + "x"); err == nil {
		t.Error("a key is added to a file that is not there")
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := strings.TrimSpace(newLine())
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"empty":    {"# nothing\n\n", 0o600, "holds no key"},
		"short":    {good[:20] + "\n", 0o600, "line 1 is not a key"},
		"garbage":  {good + "\nnot base64!\n", 0o600, "line 2 is not a key"},
		"readable": {good + "\n", 0o644, "is open to others"},
		"huge":     {strings.Repeat("#", maxFile+1), 0o600, "is not a key file"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(Location{Path: path, Create: true})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), good[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	load(t, Location{Path: filepath.Join(dir, "readable")}) // a secret store's file
	if _, _, err := Load(Location{Path: filepath.Join(dir, "absent")}); err == nil {
		t.Error("a file that an operator named is made")
	}
	if _, _, err := Load(Location{Path: dir, Create: true}); err == nil {
		t.Error("a folder is read")
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	creds := t.TempDir()
	env := map[string]string{"CREDENTIALS_DIRECTORY": creds}
	getenv := func(name string) string { return env[name] }
	if at := Locate(getenv, "data"); at != (Location{Path: filepath.Join("data", FileName), Create: true}) {
		t.Errorf("without a credential: %+v", at)
	}
	path := filepath.Join(creds, CredentialName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if at := Locate(getenv, "data"); at != (Location{Path: path}) {
		t.Errorf("with a credential: %+v", at)
	}
	env["PICLOUD_MASTER_KEY_FILE"] = "/run/key"
	if at := Locate(getenv, "data"); at != (Location{Path: "/run/key"}) {
		t.Errorf("with a variable: %+v", at)
	}
}
