package api

import "github.com/picloud/picloud/internal/picloud"

// Secrets lists what may be known of an app's secrets: all but their values.
type Secrets struct {
	Secrets []picloud.Secret `json:"secrets"`
}

// SetSecret gives a secret a value.
type SetSecret struct {
	Value string `json:"value" doc:"Text of 1 to 65536 bytes. It cannot be read again"`
}
