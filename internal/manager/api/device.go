package api

import "github.com/picloud/picloud/internal/picloud"

// Devices lists what may speak MQTT with an app.
type Devices struct {
	Devices []Device `json:"devices"`
}

// Device is a client that may speak MQTT.
type Device struct {
	picloud.Device
	Username string `json:"username" doc:"What it signs in as"`
}

// NewDevice asks for a device.
type NewDevice struct {
	Name string `json:"name" doc:"Small letters and digits, with . _ - between them"`
}

// CreatedDevice is a device with its secret.
type CreatedDevice struct {
	Device
	Secret string `json:"secret" doc:"Its password. It is not shown again"`
}
