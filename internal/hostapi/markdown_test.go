package hostapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, c := range []struct{ text, want string }{
		{"# Title\n\nSome *text* with `code`.", "<h1>Title</h1>\n<p>Some <em>text</em> with <code>code</code>.</p>\n"},
		{"- [x] a\n- [ ] b", "<ul>\n<li><input checked=\"\" disabled=\"\" type=\"checkbox\"> a</li>\n<li><input disabled=\"\" type=\"checkbox\"> b</li>\n</ul>\n"},
		{"|a|\n|-|\n|b|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>\n"},
		{"~~x~~", "<p><del>x</del></p>\n"},
		{"see https://a.example/x", "<p>see <a href=\"https://a.example/x\">https://a.example/x</a></p>\n"},
		{"[a](https://b.example \"t\")", "<p><a href=\"https://b.example\" title=\"t\">a</a></p>\n"},
		{"", ""},
	} {
		q := "markdown::html(" + quote(c.text) + ")"
		if got, want := h.value(q, nil), h.value(quote(c.want), nil); got != want {
			t.Errorf("%s\n got %s\nwant %s", q, got, want)
		}
	}
	h.check(nil, table{
		`markdown::html("a\nb")`:                   `"<p>a\nb</p>\n"`,
		`markdown::html("a\nb", #{breaks: true})`:  `"<p>a<br>\nb</p>\n"`,
		`markdown::html("a\nb", #{breaks: false})`: `"<p>a\nb</p>\n"`,
		`markdown::html("a", #{unsafe: true})`:     `error: there is no option…`,
		`markdown::html("a", #{breaks: 1})`:        `error: breaks is true or false`,
		`markdown::html(() )`:                      `error: …`,
	})
}

// TestMarkdownIsSafe gives it what would run something in a page.
func TestMarkdownIsSafe(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, text := range []string{
		"<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<a href=\"javascript:alert(1)\">x</a>", "[x](javascript:alert(1))",
		"[x](JaVaScRiPt:alert(1))", "[x](&#106;avascript:alert(1))", "[x](java\nscript:alert(1))", "[x](vbscript:x)", "[x](file:///etc/passwd)",
		"[x](data:text/html;base64,PHNjcmlwdD4=)", "![x](javascript:alert(1))", "<javascript:alert(1)>", "[x]: javascript:alert(1)\n\n[x]",
		"[x](\x01javascript:alert(1))", "[x](<javascript:alert(1)>)", "```\"><script>\n```", "[a](\"onmouseover=alert(1))", "<!-- --><svg/onload=alert(1)>",
		"# x {onclick=alert(1)}", "[x](&colon;javascript)", "|<script>|\n|-|\n|<script>|", "www.javascript:alert(1)",
	} {
		got := h.value("markdown::html("+quote(text)+").to_lower()", nil)
		for _, bad := range []string{`<script`, `<img src=x`, `<svg`, `href=\"javascript`, `href=\"vbscript`, `href=\"file`, `href=\"data`, `src=\"javascript`, `\" onclick`, `\" onmouseover`, `href=\"\u0001`} {
			if strings.Contains(got, bad) {
				t.Errorf("%q becomes %s", text, got)
			}
		}
	}
}

// TestMarkdownBombs gives it what takes Markdown for ever, and what only looks
// like it.
func TestMarkdownBombs(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for _, s := range []string{"[a](", "[", "![a](", "> ", "1. ", "+ ", "[a](\\n", "(<"} {
		source := fmt.Sprintf(`let s = ""; for i in 0..2000 { s += "%s"; } markdown::html(s)`, s)
		if got := h.value(source, nil); got != "error: the text nests more than 100 deep" {
			t.Errorf("%s: %.100s", source, got)
		}
	}
	if got := h.value(`let s = ""; s.pad(131073, "a"); markdown::html(s)`, nil); !strings.HasPrefix(got, "error: the text has 131073 bytes") {
		t.Errorf("a text that is too long: %.100s", got)
	}
	for _, s := range []string{"-", "=", "*", "a [b](c) ", "a\\n\\n", "1. a\\n", "|-"} {
		source := fmt.Sprintf(`let s = "a\n"; for i in 0..2000 { s += "%s"; } markdown::html(s).len > 0`, s)
		if got := h.value(source, nil); got != "true" {
			t.Errorf("%s: %.100s", source, got)
		}
	}
	h.limits.Operations = 1_000_000
	if _, _, err := h.run(`let s = ""; s.pad(100000, "a"); markdown::html(s)`, nil); err == nil {
		t.Error("a text of 100,000 bytes costs less than a million operations")
	}
	h.limits.Operations, h.limits.MemoryBytes = 50_000_000, 8<<20
	if _, _, err := h.run(`let s = ""; s.pad(100000, "a"); markdown::html(s)`, nil); err == nil {
		t.Error("a text of 100,000 bytes takes less than 8 MiB")
	}
}

// TestMarkdownOfManyAtOnce has one engine render for several runs at a time.
func TestMarkdownOfManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var work sync.WaitGroup
	for range 8 {
		mine := *h // the engine is shared, as it is by the runs of an executor
		work.Go(func() {
			for range 20 {
				if got := mine.value(`markdown::html("# *a* &amp; https://a.example\n\n|b|\n|-|\n|c|")`, nil); !strings.Contains(got, "<em>a</em>") {
					t.Errorf("got %s", got)
					return
				}
			}
		})
	}
	work.Wait()
}
