package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/picloud/picloud/internal/cron"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// ProjectFile is the name of the file that describes a project.
const ProjectFile = "picloud.toml"

// Bounds of a project.
const (
	maxProjectFile    = 1 << 20
	maxProjectScripts = 200 // what one deploy takes
)

// project is what picloud.toml says.
type project struct {
	App     string          `toml:"app"`
	Scripts []projectScript `toml:"scripts"`
}

// projectScript is one script of a project. A project says all that there is
// to say: what is absent is the default, and not what it was before.
type projectScript struct {
	Name   string            `toml:"name"` // by default, of the file
	File   string            `toml:"file"` // below the project's folder
	Routes *[]string         `toml:"routes"`
	Auth   *string           `toml:"auth"` // of the routes that do not say it
	CORS   *projectCORS      `toml:"cors"` // the same
	Limits projectLimits     `toml:"limits"`
	Env    map[string]string `toml:"env"`
	// Subscriptions are the topics whose messages the script gets.
	Subscriptions []picloud.Subscription `toml:"subscriptions"`
	// Journal is the share of successful invocations whose journals are kept.
	Journal float64 `toml:"journal"`
	// Streams are topics that keep their recent messages, for clients who follow
	// them.
	Streams []string `toml:"streams"`
	// Schedules are the times at which the script is run.
	Schedules []projectSchedule `toml:"schedules"`
}

// projectSchedule is a schedule with a body as TOML writes it.
type projectSchedule struct {
	picloud.Schedule
	Body any `toml:"body"`
}

// projectCORS is picloud.CORS with the names that it has in a project.
type projectCORS struct {
	Origins     []string `toml:"origins"`
	Methods     []string `toml:"methods"`
	Headers     []string `toml:"headers"`
	Expose      []string `toml:"expose"`
	Credentials bool     `toml:"credentials"`
	MaxAge      int      `toml:"max_age"`
}

// projectLimits is picloud.Limits with the names that it has in a project:
// those of the API. That the types convert keeps them alike.
type projectLimits struct {
	WallTimeMS      int64 `toml:"wall_time_ms"`
	EventWallTimeMS int64 `toml:"event_wall_time_ms"`
	Operations      int64 `toml:"operations"`
	MemoryBytes     int64 `toml:"memory_bytes"`
	CallDepth       int64 `toml:"call_depth"`
	ExprDepth       int64 `toml:"expr_depth"`
	StringBytes     int64 `toml:"string_bytes"`
	ArrayItems      int64 `toml:"array_items"`
	MapEntries      int64 `toml:"map_entries"`
	RequestBytes    int64 `toml:"request_bytes"`
	ResponseBytes   int64 `toml:"response_bytes"`
	LogBytes        int64 `toml:"log_bytes"`
	Concurrency     int64 `toml:"concurrency"`
	Queue           int64 `toml:"queue"`
	OutboundCalls   int64 `toml:"outbound_calls"`
	OutboundBytes   int64 `toml:"outbound_bytes"`
	OutboundTimeMS  int64 `toml:"outbound_time_ms"`
}

// parseProject reads and checks the text of a picloud.toml. Its errors begin
// with the name and, where it is known, the line and column.
func parseProject(name string, text []byte) (project, error) {
	var p project
	dec := toml.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, tomlError(name, err)
	}
	if len(p.Scripts) == 0 {
		return p, fmt.Errorf("%s: there is no [[scripts]] in it", name)
	}
	if len(p.Scripts) > maxProjectScripts {
		return p, fmt.Errorf("%s: there are %d scripts, at most %d can be deployed at once", name, len(p.Scripts), maxProjectScripts)
	}
	seen := map[string]bool{}
	for i := range p.Scripts {
		s := &p.Scripts[i]
		if err := s.check(); err != nil {
			return p, fmt.Errorf("%s: scripts[%d]: %w", name, i, err)
		}
		if seen[s.Name] {
			return p, fmt.Errorf("%s: scripts[%d]: the script %q is there twice", name, i, s.Name)
		}
		seen[s.Name] = true
	}
	return p, nil
}

// check completes a script's name and refuses what can be seen to be wrong
// without its file.
func (s *projectScript) check() error {
	if s.File == "" {
		return errors.New("it names no file")
	}
	if !filepath.IsLocal(filepath.FromSlash(s.File)) {
		return fmt.Errorf("file %q is not below the project's folder", s.File)
	}
	if s.Name == "" {
		s.Name = scriptName(s.File)
	}
	if err := picloud.ValidateScriptName(s.Name); err != nil {
		return message(err)
	}
	if err := s.completeRoutes(); err != nil {
		return message(err)
	}
	if err := s.completeSchedules(); err != nil {
		return message(err)
	}
	settings := s.settings()
	if err := settings.Validate(picloud.Limits{}); err != nil {
		return message(err)
	}
	return message(cron.Validate(settings.Schedules))
}

// completeRoutes gives the script its default route where none is named, and
// the routes the options that they do not have themselves.
func (s *projectScript) completeRoutes() error {
	routes := []string{picloud.DefaultRoute(s.Name).String()}
	if s.Routes != nil {
		routes = *s.Routes
	}
	var d routeDefaults
	if s.Auth != nil {
		a, err := picloud.ParseRouteAuth(*s.Auth)
		if err != nil {
			return err
		}
		d.auth = &a
	}
	if s.CORS != nil {
		if len(s.CORS.Origins) == 0 {
			return picloud.Invalid("route", "cors names no origins")
		}
		text, err := corsText(picloud.CORS(*s.CORS))
		if err != nil {
			return err
		}
		d.cors = &text
	}
	routes, err := d.apply(routes, false)
	s.Routes = &routes
	return err
}

// completeSchedules makes JSON of the schedules' bodies.
func (s *projectScript) completeSchedules() error {
	for i := range s.Schedules {
		sch := &s.Schedules[i]
		if sch.Body == nil {
			continue
		}
		text, err := json.Marshal(sch.Body)
		if err != nil {
			return picloud.Invalid(fmt.Sprintf("schedules[%d].body", i), "it cannot be written as JSON: %v", err)
		}
		sch.Schedule.Body = text
	}
	return nil
}

// settings are those of the version that a deploy makes.
func (s *projectScript) settings() picloud.Settings {
	settings := picloud.Settings{Limits: picloud.Limits(s.Limits), Env: s.Env, Subscriptions: s.Subscriptions, Streams: s.Streams, Journal: s.Journal}
	for _, sch := range s.Schedules {
		settings.Schedules = append(settings.Schedules, sch.Schedule)
	}
	return settings
}

// message is a domain error as one says it on a command line: what is wrong
// without the code.
func message(err error) error {
	var e *picloud.Error
	if !errors.As(err, &e) {
		return err
	}
	if strings.Contains(e.Field, ".") {
		return fmt.Errorf("%s: %s", e.Field, e.Message)
	}
	return errors.New(e.Message)
}

// tomlError says where a file is wrong.
func tomlError(name string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		row, col := e.Position()
		return fmt.Errorf("%s:%d:%d: unknown key %q", name, row, col, strings.Join(e.Key(), "."))
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, col := decode.Position()
		return fmt.Errorf("%s:%d:%d: %s", name, row, col, strings.TrimPrefix(decode.Error(), "toml: "))
	}
	return fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "toml: "))
}

// loadProject reads a project and the sources of its scripts. Nothing outside
// of the folder is read, not by way of a symbolic link either.
func loadProject(dir string) (project, []api.DeployScript, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return project{}, nil, err
	}
	defer root.Close()
	text, err := readIn(root, ProjectFile, maxProjectFile)
	if errors.Is(err, fs.ErrNotExist) {
		return project{}, nil, hinted("a project is described by a "+ProjectFile+"; deploy a single script with: picloud deploy FILE", "%s holds no %s", dir, ProjectFile)
	}
	if err != nil {
		return project{}, nil, err
	}
	p, err := parseProject(filepath.Join(dir, ProjectFile), text)
	if err != nil {
		return p, nil, err
	}
	list := make([]api.DeployScript, len(p.Scripts))
	for i, s := range p.Scripts {
		source, err := readIn(root, filepath.FromSlash(s.File), picloud.MaxSourceBytes)
		if err == nil {
			err = picloud.ValidateSource(string(source))
		}
		if err != nil {
			return p, nil, fmt.Errorf("%s: script %s: %w", filepath.Join(dir, s.File), s.Name, message(err))
		}
		list[i] = s.deploy(string(source))
	}
	return p, list, nil
}

// deploy is the script as a deploy asks for it.
func (s projectScript) deploy(source string) api.DeployScript {
	d := api.DeployScript{
		Name: s.Name, Source: source,
		Settings: new(s.settings()),
		Routes:   append([]string{}, *s.Routes...), // empty, and not absent, when there are none
	}
	return d
}

func readIn(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, name, limit)
}

// scriptName is the name of a script whose file has this one.
func scriptName(file string) string {
	return strings.TrimSuffix(filepath.Base(filepath.FromSlash(file)), ".rhai")
}
