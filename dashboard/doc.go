// Package dashboard holds the pages with which people use PiCloud, and serves
// them. They are a single-page application, written in this folder with
// SvelteKit (README.md says how), which `make dashboard` builds into dist; the
// Go compiler takes them from there.
//
// A program that was built without Node holds no pages: [New] is nil then, and
// the manager shows plain forms with which one can set up and sign in.
package dashboard
