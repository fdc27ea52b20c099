package picloud

import "time"

// DefaultApp is the name of the app that every instance has from the start and
// that also answers on hosts which no app claims.
const DefaultApp = "default"

// App is a namespace and a tenant.
type App struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}
