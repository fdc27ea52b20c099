package cluster

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/picloud/picloud/internal/testenv"
)

// No container engine is needed here: the images and compose files are read, and
// the very commands that they would run are run as processes, with the paths
// and addresses of a test in place of the containers'.

// image is a stage of the Dockerfile.
type image struct {
	env        map[string]string
	entrypoint []string
	command    []string
	user       string
	scratch    bool
	copied     []string // what COPY brings
}

// images reads the stages of docker/Dockerfile.
func images(t *testing.T) map[string]image {
	t.Helper()
	file, err := os.Open(testenv.Path(t, "docker", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stages, name := map[string]image{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		m := stages[name]
		switch word {
		case "FROM":
			from, as, _ := strings.Cut(rest, " AS ")
			name, m = as, stages[from]
			m.env, m.copied, m.scratch = maps.Clone(m.env), slices.Clone(m.copied), m.scratch || from == "scratch"
			if m.env == nil {
				m.env = map[string]string{}
			}
		case "ENV":
			for pair := range strings.FieldsSeq(rest) {
				key, value, _ := strings.Cut(pair, "=")
				m.env[key] = value
			}
		case "USER":
			m.user = rest
		case "COPY":
			m.copied = append(m.copied, strings.Fields(rest)...)
		case "ENTRYPOINT":
			decode(t, rest, &m.entrypoint)
		case "CMD":
			decode(t, rest, &m.command)
		}
		stages[name] = m
	}
	return stages
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// composeFile is what is looked at of a compose file.
type composeFile struct {
	Services map[string]composeService
	Volumes  map[string]any
	Networks map[string]any
}

type composeService struct {
	Image string
	Build struct {
		Context, Dockerfile, Target string
	}
	Command     []string
	Environment map[string]string
	Volumes     []string
	Ports       []string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	NetworkMode string   `yaml:"network_mode"`
	Networks    any
	DependsOn   any `yaml:"depends_on"`
	Privileged  bool
	User        string
}

var interpolated = regexp.MustCompile(`\$\{(\w+):\?[^}]*\}`)

// compose reads a compose file with the variables of an example.
func compose(t *testing.T, name, example string) composeFile {
	t.Helper()
	text, err := os.ReadFile(testenv.Path(t, "docker", name))
	if err != nil {
		t.Fatal(err)
	}
	vars, err := os.ReadFile(testenv.Path(t, "docker", example))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(vars)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			values[key] = value
		}
	}
	filled := interpolated.ReplaceAllStringFunc(string(text), func(s string) string {
		key := interpolated.FindStringSubmatch(s)[1]
		if values[key] == "" {
			t.Errorf("%s asks for %s, which %s does not name", name, key, example)
		}
		return values[key]
	})
	if strings.Contains(filled, "${") {
		t.Errorf("%s holds a variable that is not required: a forgotten one would be empty", name)
	}
	var c composeFile
	if err := yaml.Unmarshal([]byte(filled), &c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// ours are the services of a compose file that run our images, in order.
func (c composeFile) ours() []string {
	var names []string
	for name, s := range c.Services {
		if s.Build.Target != "" {
			names = append(names, name)
		}
	}
	// Executors first: an orchestrator waits for its own.
	slices.SortFunc(names, func(a, b string) int {
		ea, eb := strings.HasPrefix(a, "executor"), strings.HasPrefix(b, "executor")
		switch {
		case ea && !eb:
			return -1
		case eb && !ea:
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}

var composeFiles = map[string]string{"compose.yaml": "one.env.example", "compose.cluster.yaml": "cluster.env.example"}

func TestImagesHoldOneProgramAndNoRights(t *testing.T) {
	t.Parallel()
	stages := images(t)
	for _, name := range []string{"picloud", "picloud-manager", "picloud-orchestrator", "picloud-executor"} {
		m, ok := stages[name]
		if !ok {
			t.Errorf("the Dockerfile has no target %s", name)
			continue
		}
		if !m.scratch || m.user != "65532:65532" || !slices.Equal(m.entrypoint, []string{"/" + name}) || !slices.Contains(m.copied, "/"+name) {
			t.Errorf("%s: %+v", name, m)
		}
		if _, err := os.Stat(testenv.Path(t, "cmd", name)); err != nil {
			t.Error(err)
		}
	}
	mod, err := os.ReadFile(testenv.Path(t, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile(testenv.Path(t, "docker", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if version == nil || !strings.Contains(string(dockerfile), "FROM golang:"+string(version[1])+" AS build") {
		t.Errorf("the Dockerfile builds with another Go than go.mod's %s", version)
	}
}

func TestComposeFilesGiveNothingAway(t *testing.T) {
	t.Parallel()
	stages := images(t)
	for name, example := range composeFiles {
		c := compose(t, name, example)
		if len(c.ours()) == 0 {
			t.Fatalf("%s runs nothing of ours", name)
		}
		for _, service := range slices.Sorted(maps.Keys(c.Services)) {
			s, at := c.Services[service], name+": "+service
			if s.Privileged || s.User != "" {
				t.Errorf("%s has rights that it need not have", at)
			}
			if len(s.Ports) > 0 && service != "caddy" {
				t.Errorf("%s is open to the world: %v", at, s.Ports)
			}
			for _, v := range s.Volumes {
				source, _, _ := strings.Cut(v, ":")
				if file, isFile := strings.CutPrefix(source, "./"); isFile {
					testenv.Path(t, "docker", file)
				} else if _, declared := c.Volumes[source]; !declared {
					t.Errorf("%s mounts %s, which is not declared", at, v)
				}
			}
			for _, other := range dependencies(s.DependsOn) {
				if _, there := c.Services[other]; !there {
					t.Errorf("%s depends on %s, which is not there", at, other)
				}
			}
			if s.Build.Target == "" {
				continue
			}
			if _, there := stages[s.Build.Target]; !there || s.Build.Context != ".." || s.Build.Dockerfile != "docker/Dockerfile" {
				t.Errorf("%s is built from %+v", at, s.Build)
			}
			if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
				t.Errorf("%s is not hardened: %+v", at, s)
			}
			if s.Build.Target == "picloud-executor" && (s.NetworkMode != "none" || len(s.Environment) > 0) {
				t.Errorf("%s has a network, or something to read", at)
			}
		}
	}
}

func dependencies(v any) []string {
	var names []string
	switch v := v.(type) {
	case []any:
		for _, name := range v {
			names = append(names, fmt.Sprint(name))
		}
	case map[string]any:
		names = slices.Collect(maps.Keys(v))
	}
	return names
}

// TestComposedCommandsRun runs what the services of the compose files run, each
// in the environment that it would have.
func TestComposedCommandsRun(t *testing.T) {
	t.Parallel()
	if binaries == "" {
		t.Skip("skipped under -short: it drives the built binaries")
	}
	stages := images(t)
	for name, example := range composeFiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, dir := compose(t, name, example), t.TempDir()
			var database string
			if _, ok := c.Services["postgres"]; ok {
				database = testenv.StartPostgres(t).Database(t)
			}
			running := map[string]*testenv.Process{}
			for _, service := range c.ours() {
				s := c.Services[service]
				running[service] = startService(t, s, stages[s.Build.Target], service, dir, database)
			}
			names := c.ours()
			slices.Reverse(names)
			for _, service := range names {
				running[service].Signal(t, syscall.SIGTERM)
				if err := running[service].Wait(t); err != nil {
					t.Errorf("%s ended with %v on SIGTERM", service, err)
				}
			}
		})
	}
}

// startService starts the command of a service, and waits until it serves.
func startService(t *testing.T, s composeService, m image, service, dir, database string) *testenv.Process {
	t.Helper()
	env := maps.Clone(m.env)
	maps.Copy(env, s.Environment)
	ready := filepath.Join(dir, service+".ready")
	for key, value := range map[string]string{
		"PICLOUD_DATABASE": database, "PICLOUD_LISTEN": "127.0.0.1:0", "PICLOUD_ADMIN_LISTEN": "127.0.0.1:0", "PICLOUD_DATA": filepath.Join(dir, "data"), "ZONEINFO": "",
	} {
		if _, set := env[key]; set {
			env[key] = value
		}
	}
	env["PICLOUD_READY_FILE"] = ready
	// The executor of a node and its orchestrator share a volume.
	volume := "/run/picloud"
	for _, v := range s.Volumes {
		if source, target, _ := strings.Cut(v, ":"); target == volume {
			volume = filepath.Join(dir, source)
			if err := os.MkdirAll(volume, 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	if socket, set := env["PICLOUD_EXECUTOR_SOCKET"]; set {
		ready = strings.Replace(socket, "/run/picloud", volume, 1)
		env["PICLOUD_EXECUTOR_SOCKET"] = ready
	}
	args := s.Command
	if args == nil {
		args = m.command
	}
	args = slices.Clone(args)
	for i := range args {
		args[i] = strings.Replace(args[i], "/run/picloud", volume, 1)
	}
	cmd := exec.Command(program(strings.TrimPrefix(m.entrypoint[0], "/")), args...)
	for key, value := range env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	p := testenv.Start(t, cmd)
	testenv.Eventually(t, service+" serves", func() bool {
		if !p.Running() {
			t.Fatalf("%s ended: %v\n%s", service, p.Wait(t), p.Output())
		}
		_, err := os.Stat(ready)
		return err == nil
	})
	return p
}
