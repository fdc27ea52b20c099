package cron

import (
	"errors"
	"fmt"

	"github.com/picloud/picloud/internal/picloud"
)

// Of is when a schedule of a script fires.
func Of(s picloud.Schedule) (*Schedule, error) { return Parse(s.Cron, s.TimeZone) }

// Validate refuses schedules that never fire, by the field at fault. It does not
// look at the rest of them: see [picloud.Settings.Validate].
func Validate(list []picloud.Schedule) error {
	for i, s := range list {
		var bad *Error
		if _, err := Of(s); errors.As(err, &bad) {
			return picloud.Invalid(fmt.Sprintf("schedules[%d].%s", i, bad.Field), "%s", bad.Message)
		} else if err != nil {
			return err
		}
	}
	return nil
}
