package picloud

import (
	"context"
	"regexp"
	"time"
)

// Bounds of what speaks MQTT.
const (
	MaxDevices    = 10_000 // of an app
	MaxDeviceName = 64
)

// Device is a client that may speak MQTT with an app: something with a name and
// a secret of its own. It may publish on all of the app's topics, and subscribe
// to those that are streams.
type Device struct {
	ID        string    `json:"id"`
	AppID     string    `json:"-"`
	App       string    `json:"app"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"` // a user name
}

// Username is what the device signs in as.
func (d Device) Username() string { return d.App + "/" + d.Name }

// Devices keeps what may speak MQTT.
type Devices interface {
	// CreateDevice makes a device; CodeConflict if the app has one of that name.
	CreateDevice(ctx context.Context, app, name, by string, secret TokenHash) (Device, error)
	// ListDevices lists an app's devices by name.
	ListDevices(ctx context.Context, app string) ([]Device, error)
	// DeleteDevice removes a device; those that are connected are told by
	// [Snapshots.Subscribe], like everything that ends somebody's access.
	DeleteDevice(ctx context.Context, app, name string) error
	// DeviceSecret finds a device with the hash of its secret; CodeNotFound.
	DeviceSecret(ctx context.Context, app, name string) (Device, TokenHash, error)
	// DevicesLeft is which of the devices with these ids are still there.
	DevicesLeft(ctx context.Context, ids []string) ([]string, error)
}

var deviceName = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)

// ValidateDeviceName refuses what cannot be the name of a device.
func ValidateDeviceName(name string) error {
	if len(name) > MaxDeviceName || !deviceName.MatchString(name) {
		return Invalid("name", "%q is not the name of a device: small letters and digits, with . _ - between them, at most %d", clip(ToText(name)), MaxDeviceName)
	}
	return nil
}
