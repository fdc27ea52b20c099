package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// lua54 is PUC Lua, if it is installed under Debian's name. Each sample is a
// process of its own, which runs the workload once before it measures.
func lua54() (engine, bool) {
	path, err := exec.LookPath("lua5.4")
	if err != nil {
		return engine{}, false
	}
	return engine{"lua5.4", "lua", "lua", func(source string, _ clock) (program, error) {
		if strings.Contains(source, `require("cjson")`) && exec.Command(path, "-e", `require("cjson")`).Run() != nil {
			return nil, errMissing
		}
		return func(atLeast time.Duration) (time.Duration, any, error) { return runLua(path, source, atLeast) }, nil
	}}, true
}

// luaDriver measures with os.clock, the processor time: the process is alone
// and has one thread.
const luaDriver = `
local run = assert(load(io.read("a")))
local least = %g
local result
if least > 0 then run() collectgarbage() end
local runs, start, took = 0, os.clock(), 0
repeat
    result = run()
    runs = runs + 1
    took = os.clock() - start
until took >= least
print(string.format("%%.9f %%.17g", took / runs, result))
`

func runLua(path, source string, atLeast time.Duration) (time.Duration, any, error) {
	cmd := exec.Command(path, "-e", fmt.Sprintf(luaDriver, atLeast.Seconds()))
	cmd.Stdin = strings.NewReader(source)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	fields := strings.Fields(string(out))
	if len(fields) != 2 {
		return 0, nil, fmt.Errorf("the driver printed %q", out)
	}
	seconds, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0, nil, err
	}
	result, err := strconv.ParseFloat(fields[1], 64)
	return time.Duration(seconds * float64(time.Second)), result, err
}
