// Package archtest holds no code but a test: it reads the source of every
// package of the module and fails when the architecture is not kept. The table
// in arch_test.go is the map of what may import what; a new package has to be
// entered there, which is the moment to ask where it belongs.
package archtest
