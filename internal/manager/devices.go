package manager

import (
	"context"
	"net/http"

	"github.com/picloud/picloud/internal/access"
	"github.com/picloud/picloud/internal/manager/api"
	"github.com/picloud/picloud/internal/picloud"
)

func (m *Manager) registerDevices() {
	register(m, operation{
		id: "list-devices", method: http.MethodGet, path: "/apps/{app}/devices", tag: "devices", capability: access.ReadTopics,
		summary: "List what may speak MQTT with an app",
	}, m.listDevices)
	register(m, operation{
		id: "create-device", method: http.MethodPost, path: "/apps/{app}/devices", tag: "devices", capability: access.ManageTopics,
		summary: "Make a device that may speak MQTT, with a secret that is shown once",
	}, m.createDevice)
	register(m, operation{
		id: "delete-device", method: http.MethodDelete, path: "/apps/{app}/devices/{device}", tag: "devices", capability: access.ManageTopics,
		summary: "Remove a device; it is disconnected at once",
	}, m.deleteDevice)
}

type devicesOutput struct{ Body api.Devices }

func (m *Manager) listDevices(ctx context.Context, _ picloud.Principal, in *AppPath) (*devicesOutput, error) {
	list, err := m.store.ListDevices(ctx, in.App)
	if err != nil {
		return nil, err
	}
	out := &devicesOutput{Body: api.Devices{Devices: make([]api.Device, len(list))}}
	for i, d := range list {
		out.Body.Devices[i] = api.Device{Device: d, Username: d.Username()}
	}
	return out, nil
}

type newDeviceInput struct {
	AppPath
	Body api.NewDevice
}

type newDeviceOutput struct {
	Status int
	Body   api.CreatedDevice
}

func (m *Manager) createDevice(ctx context.Context, p picloud.Principal, in *newDeviceInput) (*newDeviceOutput, error) {
	if err := picloud.ValidateDeviceName(in.Body.Name); err != nil {
		return nil, err
	}
	auditing(ctx).target(in.Body.Name)
	secret, hash, err := m.auth.NewDeviceSecret()
	if err != nil {
		return nil, err
	}
	d, err := m.store.CreateDevice(ctx, in.App, in.Body.Name, p.User.Username, hash)
	if err != nil {
		return nil, err
	}
	return &newDeviceOutput{Status: http.StatusCreated, Body: api.CreatedDevice{Device: api.Device{Device: d, Username: d.Username()}, Secret: secret}}, nil
}

// DevicePath is a device of an app in a path.
type DevicePath struct {
	AppPath
	Device string `path:"device"`
}

func (m *Manager) deleteDevice(ctx context.Context, _ picloud.Principal, in *DevicePath) (*struct{}, error) {
	auditing(ctx).target(in.Device)
	return nil, m.store.DeleteDevice(ctx, in.App, in.Device)
}
