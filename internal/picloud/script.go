package picloud

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// What a script's text and environment may hold at most.
const (
	MaxSourceBytes = 1 << 20
	MaxEnvEntries  = 256
	MaxEnvBytes    = 64 << 10 // names and values together
	MaxNoteBytes   = 500
)

// Script is a named unit of Rhai source in an app. Its text is in its versions.
type Script struct {
	ID            string    `json:"id"`
	AppID         string    `json:"-"`
	App           string    `json:"app"` // the app's name
	Name          string    `json:"name"`
	Enabled       bool      `json:"enabled"`
	LiveVersion   int       `json:"live_version"`   // the number of the version that runs
	LatestVersion int       `json:"latest_version"` // the highest number there is
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"` // the last deploy, rollback or switch
}

// Version is an immutable revision of a script: everything but its source,
// which is read by hash when it is needed.
type Version struct {
	ScriptID    string    `json:"-"`
	Number      int       `json:"number"` // 1, 2, 3… within the script
	Hash        string    `json:"hash"`   // see HashVersion
	Settings    Settings  `json:"settings"`
	SourceBytes int       `json:"source_bytes"`
	Note        string    `json:"note,omitempty"`       // what the deployer said about it
	CreatedBy   string    `json:"created_by,omitempty"` // a user name, or "" when that is not known
	CreatedAt   time.Time `json:"created_at"`
}

// Settings is what a version fixes besides its source. The zero value is the
// defaults of the instance. Fields are only ever added, and left out of the
// encoding while they are zero, so that hashes of old versions stay true.
type Settings struct {
	Limits Limits            `json:"limits,omitzero"`
	Env    map[string]string `json:"env,omitempty"`
	// Subscriptions are the topics whose messages the script gets.
	Subscriptions []Subscription `json:"subscriptions,omitempty"`
	// Journal is the share of the invocations that go well whose journals are
	// kept: 0 for none, 1 for all. Those of failed ones always are.
	Journal float64 `json:"journal,omitempty"`
	// Schedules are the times at which the script is run.
	Schedules []Schedule `json:"schedules,omitempty"`
	// Streams are topics of the app that keep their recent messages, for clients
	// who follow them: see [TopicStream].
	Streams []string `json:"streams,omitempty"`
}

// Clone is a copy that shares no memory with s.
func (s Settings) Clone() Settings {
	s.Env = maps.Clone(s.Env)
	s.Subscriptions = slices.Clone(s.Subscriptions)
	s.Schedules = slices.Clone(s.Schedules)
	for i := range s.Schedules {
		s.Schedules[i].Body = slices.Clone(s.Schedules[i].Body)
	}
	s.Streams = slices.Clone(s.Streams)
	return s
}

// Validate refuses settings that are out of range; ceiling is what the
// instance allows at most.
func (s Settings) Validate(ceiling Limits) error {
	if err := s.Limits.Validate(ceiling); err != nil {
		return err
	}
	if err := s.validateSubscriptions(); err != nil {
		return err
	}
	if !(s.Journal >= 0 && s.Journal <= 1) {
		return Invalid("journal", "%v is not a share between 0 and 1", s.Journal)
	}
	if err := s.validateSchedules(); err != nil {
		return err
	}
	if err := validateStreams(s.Streams); err != nil {
		return err
	}
	return validateEnv(s.Env)
}

func (s Settings) validateSubscriptions() error {
	if len(s.Subscriptions) > MaxSubscriptions {
		return Invalid("subscriptions", "there are %d subscriptions, at most %d are allowed", len(s.Subscriptions), MaxSubscriptions)
	}
	seen := map[string]bool{}
	for i, sub := range s.Subscriptions {
		field := fmt.Sprintf("subscriptions[%d]", i)
		if err := sub.validate(field); err != nil {
			return err
		}
		if seen[sub.Topic] {
			return Invalid(field+".topic", "the topic %q is there twice", sub.Topic)
		}
		seen[sub.Topic] = true
	}
	return nil
}

func (s Settings) validateSchedules() error {
	if len(s.Schedules) > MaxSchedules {
		return Invalid("schedules", "there are %d schedules, at most %d are allowed", len(s.Schedules), MaxSchedules)
	}
	seen := map[string]bool{}
	for i, sch := range s.Schedules {
		field := fmt.Sprintf("schedules[%d]", i)
		if err := sch.validate(field); err != nil {
			return err
		}
		if seen[sch.Name] {
			return Invalid(field+".name", "the schedule %q is there twice", sch.Name)
		}
		seen[sch.Name] = true
	}
	return nil
}

func validateEnv(env map[string]string) error {
	if len(env) > MaxEnvEntries {
		return Invalid("env", "there are %d variables, at most %d are allowed", len(env), MaxEnvEntries)
	}
	total := 0
	// Sorted, so that the same input is always refused for the same reason.
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if err := ValidateEnvName("env", name); err != nil {
			return err
		}
		value := env[name]
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return Invalid("env."+name, "the value is not valid UTF-8 text")
		}
		total += len(name) + len(value)
	}
	if total > MaxEnvBytes {
		return Invalid("env", "the variables have %d bytes, at most %d are allowed", total, MaxEnvBytes)
	}
	return nil
}

// ValidateSource refuses text that cannot be a script whatever the language
// says: empty, over-long or not UTF-8. A zero byte is refused too, because
// PostgreSQL cannot hold it in text.
func ValidateSource(source string) error {
	const field = "source"
	switch {
	case strings.TrimSpace(source) == "":
		return Invalid(field, "the script is empty")
	case len(source) > MaxSourceBytes:
		return &Error{Code: CodeTooLarge, Field: field, Message: fmt.Sprintf("the script has %d bytes, at most %d are allowed", len(source), MaxSourceBytes)}
	case !utf8.ValidString(source):
		return Invalid(field, "the script is not valid UTF-8 (byte %d)", invalidAt(source))
	case strings.ContainsRune(source, 0):
		return Invalid(field, "the script holds a zero byte (byte %d)", strings.IndexByte(source, 0))
	}
	return nil
}

// invalidAt is the offset of the first byte that is not UTF-8.
func invalidAt(s string) int {
	for i, c := range s {
		if c == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return len(s)
}

// ValidateNote refuses a deploy's note that is over-long or not plain text.
func ValidateNote(note string) error {
	if len(note) > MaxNoteBytes {
		return Invalid("note", "the note has %d bytes, at most %d are allowed", len(note), MaxNoteBytes)
	}
	if !utf8.ValidString(note) || hasControl(note) {
		return Invalid("note", "the note is not one line of valid UTF-8 text")
	}
	return nil
}

// HashVersion is the name of a version's content: the SHA-256, in hexadecimal,
// of its source and its settings. Compiled programs are cached under it.
func HashVersion(source string, settings Settings) string {
	if len(settings.Env) == 0 {
		settings.Env = nil
	}
	if len(settings.Subscriptions) == 0 {
		settings.Subscriptions = nil
	}
	if len(settings.Schedules) == 0 {
		settings.Schedules = nil
	}
	encoded, err := json.Marshal(settings) // struct fields in order, map keys sorted: one encoding per value
	if err != nil {
		panic("picloud: encode settings: " + err.Error()) // only numbers, strings and JSON that has been checked are in it
	}
	h := sha256.New()
	h.Write([]byte("picloud version 1\n"))
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(source)))
	h.Write(n[:]) // the length keeps a source that ends like settings apart from settings
	h.Write([]byte(source))
	h.Write(encoded)
	return hex.EncodeToString(h.Sum(nil))
}
