package picloud

// Snapshot is everything that is live on an instance at one moment. It is
// immutable: readers share it.
type Snapshot struct {
	Revision int64 // grows with every change of the control plane
	Apps     []App // by name
	Scripts  []LiveScript
	Domains  []Domain // those that are verified
	// Quotas are those of the apps, by id, of which something else is said than
	// the defaults.
	Quotas   map[string]Quotas
	OutHosts map[string]OutHosts // by an app's id; those of apps that are not in it are the instance's
}

// LiveScript is a script with the version that it points at and its routes.
// Disabled scripts are in a snapshot too, so that their routes can say so.
type LiveScript struct {
	Script  Script
	Version Version
	Routes  []Route
}

// Change tells that what is live has changed: a snapshot older than Revision
// is stale.
type Change struct {
	Revision int64
}
