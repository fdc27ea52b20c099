package hostapi

import (
	"html"

	"github.com/picloud/picloud/rhai"
)

// htmlModule is html::escape, for text that goes into a page.
func htmlModule() *rhai.Module {
	return rhai.NewModule("html").
		Func("escape", params(rhai.StringType), func(c *rhai.Call) error {
			s := text(c, 0)
			if err := work(c, len(s), 5*len(s)); err != nil { // a quote becomes five bytes
				return err
			}
			return returnText(c, html.EscapeString(s))
		}, "text with <, >, &, \" and ' escaped")
}
