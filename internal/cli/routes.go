package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

// routeFlags are options for the routes of a deploy that do not say it
// themselves.
type routeFlags struct {
	auth    string
	origins []string
	given   func(flag string) bool
}

func (f *routeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.auth, "auth", "", "who may call the routes: public, key or member")
	cmd.Flags().StringSliceVar(&f.origins, "cors-origin", nil, "origin whose pages may read the answers, like https://shop.example; may be repeated, '' takes it back")
	f.given = cmd.Flags().Changed
}

func (f routeFlags) any() bool { return f.given("auth") || f.given("cors-origin") }

// defaults is what the flags say as routes have it.
func (f routeFlags) defaults() (d routeDefaults, err error) {
	if f.given("auth") {
		a, err := picloud.ParseRouteAuth(f.auth)
		if err != nil {
			return d, usagef("--auth: %v", message(err))
		}
		d.auth = &a
	}
	if f.given("cors-origin") {
		text, err := corsText(picloud.CORS{Origins: f.origins})
		if err != nil {
			return d, usagef("--cors-origin: %v", message(err))
		}
		d.cors = &text
	}
	return d, nil
}

// corsText is a policy as routes hold it, if it makes sense.
func corsText(c picloud.CORS) (string, error) {
	if len(c.Origins) == 1 && c.Origins[0] == "" {
		c.Origins = nil
	}
	parsed, err := picloud.ParseCORS(c.String())
	return parsed.String(), err
}

// routeDefaults are options for routes; nil says nothing.
type routeDefaults struct {
	auth *picloud.RouteAuth
	cors *string
}

// apply gives the options to routes. What a route says itself goes before,
// unless the options are to override it.
func (d routeDefaults) apply(routes []string, override bool) ([]string, error) {
	out := make([]string, len(routes))
	for i, text := range routes {
		r, err := picloud.ParseRoute(text)
		if err != nil {
			return nil, err
		}
		if d.auth != nil && (override || !strings.Contains(text, " auth=")) {
			r.Auth = *d.auth
		}
		if d.cors != nil && (override || !strings.Contains(text, " cors=")) {
			r.CORS = *d.cors
		}
		out[i] = r.String()
	}
	return out, nil
}

// routesFor is the routes of a script as its deploy is to have them: those
// that were named, or with options only, those that the script has or would be
// given. It is nil for no change.
func (c *command) routesFor(ctx context.Context, name string, named []string, f routeFlags) ([]string, error) {
	if !f.any() {
		return named, nil
	}
	d, err := f.defaults()
	if err != nil {
		return nil, err
	}
	if named != nil {
		routes, err := d.apply(named, false)
		if err != nil {
			return nil, message(err)
		}
		return routes, nil
	}
	cl, err := c.client()
	if err != nil {
		return nil, err
	}
	s := api.Script{Routes: []string{picloud.DefaultRoute(name).String()}}
	err = cl.get(ctx, path("apps", c.app, "scripts", name), nil, &s)
	if err != nil && !isCode(err, picloud.CodeNotFound) {
		return nil, err
	}
	return d.apply(s.Routes, true)
}
