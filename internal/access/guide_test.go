package access

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

var update = flag.Bool("update", false, "write the table of the guide anew")

// The lines between which the guide has the table.
const (
	tableBegin = "<!-- permissions: written by \"make generate\" from internal/access -->\n"
	tableEnd   = "<!-- /permissions -->\n"
)

// TestTheGuideHasTheTable keeps docs/guides/people.md as the code is.
func TestTheGuideHasTheTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "guides", "people.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), tableBegin)
	_, tail, ends := strings.Cut(rest, tableEnd)
	if !ok || !ends {
		t.Fatalf("%s does not hold the lines between which the table goes", path)
	}
	want := head + tableBegin + guideTable() + tableEnd + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what the code says; run: make generate", path)
	}
}

// guideTable is the permissions as Markdown.
func guideTable() string {
	var b strings.Builder
	for _, inApp := range []bool{false, true} {
		if inApp {
			fmt.Fprint(&b, "\nIn an app, which owners and admins of the instance are in charge of without belonging to it:\n\n"+
				"| | capability | admin | editor | viewer | scopes of a key |\n|---|---|---|---|---|---|\n")
		} else {
			fmt.Fprint(&b, "\nOn the instance:\n\n| | capability | owner | admin | member | scopes of a key |\n|---|---|---|---|---|---|\n")
		}
		for _, line := range Permissions() {
			if line.InApp == inApp {
				fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", line.About, line.Capability, strings.Join(line.marks(), " | "), line.scopeNames())
			}
		}
	}
	fmt.Fprint(&b, "\nA key with the scope `admin` has all that its user has. A key for one app has nothing on the instance but what every member has.\n")
	return b.String()
}

// marks says yes for each role that has a line's capability.
func (l Permission) marks() []string {
	var has []bool
	if l.InApp {
		for _, r := range []picloud.AppRole{picloud.AppAdmin, picloud.AppEditor, picloud.AppViewer} {
			has = append(has, slices.Contains(l.AppRoles, r))
		}
	} else {
		for _, r := range picloud.Roles() {
			has = append(has, slices.Contains(l.Roles, r))
		}
	}
	marks := make([]string, len(has))
	for i, yes := range has {
		if yes {
			marks[i] = "yes"
		}
	}
	return marks
}

func (l Permission) scopeNames() string {
	names := []string{}
	for _, s := range l.Scopes {
		names = append(names, string(s))
	}
	return strings.Join(append(names, string(picloud.ScopeAdmin)), ", ")
}
