package hostapi

import (
	"github.com/picloud/picloud/internal/picloud"
	"github.com/picloud/picloud/rhai"
)

// eventNames is how the source of an event is called, by trigger.
var eventNames = map[picloud.Trigger]string{
	picloud.TriggerMessage: "topic", picloud.TriggerSchedule: "name", picloud.TriggerChange: "prefix",
}

// EventValue is the event as the argument of its handler: a map of id, attempt
// (1 for the first), what it comes from (topic, or name of the schedule), key,
// body, and when it was entered and when it was to be, in seconds.
func (inv *Invocation) EventValue(vm *rhai.VM) (rhai.Value, error) {
	e := inv.Execution.Event
	body, err := eventBody(vm, e)
	if err != nil {
		return rhai.Value{}, err
	}
	m := vm.NewMap()
	for _, f := range []struct {
		name string
		v    any
	}{
		{"id", e.ID}, {"attempt", int64(e.Attempt)}, {eventNames[inv.Execution.Trigger], e.Source}, {"key", e.Key},
		{"at", e.At.Unix()}, {"scheduled_at", e.Due.Unix()},
	} {
		v, err := vm.ToValue(f.v)
		if err == nil {
			err = m.Set(f.name, v)
		}
		if err != nil {
			return rhai.Value{}, err
		}
	}
	if err := m.Set("body", body); err != nil {
		return rhai.Value{}, err
	}
	return m.Value(), nil
}

func eventBody(vm *rhai.VM, e *picloud.EventInput) (rhai.Value, error) {
	switch {
	case e.Kind == picloud.ValueBytes:
		return vm.Bytes(e.Body)
	case len(e.Body) == 0:
		return rhai.Unit(), nil
	}
	return vm.FromJSON(e.Body)
}
