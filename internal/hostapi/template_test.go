package hostapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/internal/picloud"
)

// TestTemplates follows Mustache's own specification in what it has of it.
func TestTemplates(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, c := range []struct{ template, data, want string }{
		{"", "#{}", ""},
		{"Hello {{name}}!", `#{name: "<b>&\"'"}`, "Hello &lt;b&gt;&amp;&#34;&#39;!"},
		{"{{{a}}}{{& a }}{{ a }}", `#{a: "<"}`, "<<&lt;"},
		{"{{a}}{{b}}{{none}}", `#{a: 7, b: 1.5}`, "71.5"},
		{"{{a.b.c}}|{{a.x.c}}|{{z.b}}", `#{a: #{b: #{c: "deep"}}}`, "deep||"},
		{"{{#a}}{{.}},{{/a}}", `#{a: [1, "<", true]}`, "1,&lt;,true,"},
		{"{{#a}}{{n}}{{up}} {{/a}}", `#{up: "^", a: [#{n: 1}, #{n: 2, up: "v"}]}`, "1^ 2v "},
		{"{{#a}}yes{{/a}}{{^a}}no{{/a}}", `#{a: true}`, "yes"},
		{"{{#a}}yes{{/a}}{{^a}}no{{/a}}", `#{a: []}`, "no"},
		{"{{#a}}yes{{/a}}{{^a}}no{{/a}}", `#{}`, "no"},
		{"{{#a}}yes{{/a}}{{^a}}no{{/a}}", `#{a: ""}`, "no"},
		{"{{#a}}{{b}}{{/a}}", `#{a: #{b: 1}}`, "1"},
		{"{{#a}}{{#b}}{{.}}{{/b}};{{/a}}", `#{a: [#{b: [1, 2]}, #{b: [3]}]}`, "12;3;"},
		{"{{.}}", `"x"`, "x"},
		{"{{#.}}<{{.}}>{{/.}}", `[1, 2]`, "<1><2>"},
		{"a{{! {{not}} a tag }}b", "#{}", "a a tag }}b"},
		{"a\n  {{! alone }}\nb\n", "#{}", "a\nb\n"},
		{"| {{! not }} |\n", "#{}", "|  |\n"},
		{"<ul>\n  {{#a}}\n  <li>{{.}}</li>\n  {{/a}}\n</ul>\n", "#{a: [1, 2]}", "<ul>\n  <li>1</li>\n  <li>2</li>\n</ul>\n"},
		{"{{#a}}\r\n{{.}}\r\n{{/a}}\r\n", "#{a: [1]}", "1\r\n"},
		{"{{#a}}x{{/a}}\n{{^b}}\ny\n{{/b}}", "#{a: 1}", "x\ny\n"},
		{"{ {a} } {{a}}", "#{a: 1}", "{ {a} } 1"},
	} {
		q := fmt.Sprintf("template::render(%s, %s)", quote(c.template), c.data)
		if got, want := h.value(q, nil), h.value(quote(c.want), nil); got != want {
			t.Errorf("%s\n got %s\nwant %s", q, got, want)
		}
	}
	h.check(nil, table{
		`template::render("{{> item}}{{> item}}", #{a: "<"}, #{partials: #{item: "[{{a}}]"}})`:                                                                `"[&lt;][&lt;]"`,
		`template::render("{{#all}}{{> tree}}{{/all}}", #{all: [#{n: 1, all: [#{n: 2, all: []}]}]}, #{partials: #{tree: "{{n}}{{#all}}{{> tree}}{{/all}}"}})`: `"12"`,
		`template::render("{{a}}", #{a: "<"}, #{escape: false})`:                                                                                              `"<"`,
		`template::render("{{> none}}", #{})`:                                                                                                                 `error: there is no partial "none"`,
		`template::render("{{#a}}", #{})`:                                                                                                                     `error: the section {{#a}} has no {{/a}}`,
		`template::render("{{/a}}", #{})`:                                                                                                                     `error: {{/a}} ends no section…`,
		`template::render("{{#a}}{{/b}}{{/a}}", #{})`:                                                                                                         `error: {{/b}} ends no section…`,
		`template::render("{{a", #{})`:                                                                                                                        `error: a tag is not closed…`,
		`template::render("{{}}", #{})`:                                                                                                                       `error: "" is not a name…`,
		`template::render("{{a..b}}", #{})`:                                                                                                                   `error: "a..b" is not a name…`,
		`template::render("{{=<% %>=}}", #{})`:                                                                                                                `error: "=<% %>=" is not a name…`,
		`template::render("{{> a}}", #{}, #{partials: #{a: "x{{> a}}"}})`:                                                                                     `error: the template nests more than 64 deep`,
		`template::render("x", #{}, #{partial: 1})`:                                                                                                           `error: there is no option…`,
		`template::render("x", #{}, #{escape: 1})`:                                                                                                            `error: escape is true or false`,
		`let s = ""; for i in 0..70 { s += "{{#a}}"; } template::render(s, #{})`:                                                                              `error: the template nests more than 64 deep`,
		`template::render("{{f}}{{#f}}x{{/f}}", #{f: |x| x})`:                                                                                                 `…`,
	})
}

// TestTemplateBombs gives templates what would take for ever or fill the memory.
func TestTemplateBombs(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.limits.StringBytes, h.limits.Operations = 64<<20, 5_000_000
	for _, source := range []string{
		`let a = []; a.pad(1000, 1); template::render("{{#a}}{{#a}}{{#a}}x{{/a}}{{/a}}{{/a}}", #{a: a})`,
		`let a = [1, 2]; let p = #{}; for i in 0..60 { p["p" + i] = "{{#a}}{{> p" + (i + 1) + "}}{{/a}}"; } p["p60"] = "x"; template::render("{{> p0}}", #{a: a}, #{partials: p})`,
		`let s = ""; s.pad(1048577, "x"); template::render(s, #{})`,
		`let s = ""; for i in 0..20001 { s += "{{a}}"; } template::render(s, #{})`,
		`let s = ""; s.pad(1000000, "x"); let a = []; a.pad(1000, 1); template::render("{{#a}}{{s}}{{/a}}", #{s: s, a: a})`,
		`let s = ""; s.pad(1000000, "x"); loop { template::render(s, #{}); }`,
	} {
		_, stats, err := h.run(source, nil)
		if err == nil || stats.PeakBytes > 2*h.limits.MemoryBytes {
			t.Errorf("%s: %v with %d bytes", source, err, stats.PeakBytes)
		}
	}
}

// FuzzTemplate reads and renders whatever comes: it ends, within its limits.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{a}}", "{{#a}}{{.}}{{/a}}", "{{{a}}}", "{{> p}}", "{{^b}}\n{{/b}}\n", "{{! x }}", "{{#a}}\r\n{{/a}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := newHost(t)
		h.limits.Operations = 1_000_000
		q := &picloud.Request{Method: "POST", Path: "/", Body: []byte(strings.ToValidUTF8(s, ""))}
		_, stats, err := h.run(`template::render(req.body, #{a: [1, #{b: "<"}], b: ()}, #{partials: #{p: req.body}})`, q)
		if err == nil && stats.Operations > h.limits.Operations {
			t.Errorf("%q took %d operations", s, stats.Operations)
		}
	})
}
