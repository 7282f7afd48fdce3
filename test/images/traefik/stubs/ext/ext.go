// Package ext stands for the module of the same name, which Traefik's own module leaves out and no proxy serves.
package ext

// HTTP adds nothing to the configuration.
type HTTP struct{}

// Router adds nothing to a router.
type Router struct{}
