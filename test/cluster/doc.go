// Package cluster runs a whole cluster as processes on loopback: PostgreSQL,
// Caddy, a manager and nodes, started as an operator would. Its tests break one
// part after the other while clients send steady traffic through Caddy, and
// count every answer. With -stay the cluster is left running for somebody to
// look at: that is "make cluster".
package cluster
