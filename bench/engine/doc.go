// Command engine compares script engines: the project's Rhai with goja
// (JavaScript), gopher-lua, starlark-go and tengo, which run in the same
// process, and PUC Lua 5.4 where the lua5.4 command is installed.
//
// Every workload is one small program, written for each language as its users
// would write it, in workloads/. A cell of the table is the median of several
// rounds; the engines take turns within a round and each round starts with
// another one, so that a machine that becomes slower for a while is unfair to
// nobody. Before the first round each engine runs the workload once, and all
// of them must have computed the same. Results are ratios to our time, since
// times do not carry from one machine to another.
//
// Ours runs with its limits and its metering on, and under a deadline. The
// others run without any.
//
//	go run ./engine -rounds 9 -gogc 100,400 -json engine.json
//	go run ./engine -short                            # does everything run and agree?
//	go run ./engine -engines rhai -only maps -cpuprofile maps.prof
package main
