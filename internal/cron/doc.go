// Package cron tells when a schedule fires.
//
// A schedule is written as cron writes it, in five fields or in six with
// seconds before them, as a macro such as @daily, or as "@every 90s", and has a
// time zone. When both a day of the month and a day of the week are given,
// either is enough, as in every cron.
//
// What becomes of the hours that a change of the clock skips or repeats:
//
//   - A schedule with certain hours means times of day, and each of them fires
//     once a day. One that is skipped fires as much later as the clock was put
//     forward: 02:30 at 03:30. One that comes twice fires the first time.
//   - A schedule of all hours means how much time passes: it fires through a
//     repeated hour, and has nothing to make up for a skipped one.
//   - "@every" knows no clocks: it fires at the multiples of its time since 1970
//     (UTC), so it does not matter when a script was deployed, or on which node.
package cron
