// Package ecs stands for the provider of the same name, with the SDK of AWS.
package ecs

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

// ProviderName is what the configuration calls the provider.
const ProviderName = "ecs"

// Provider finds nothing.
type Provider struct{}

// SetDefaults has nothing to set.
func (p *Provider) SetDefaults() {}

// Init says that the provider is missing.
func (p *Provider) Init() error {
	return errors.New("built without the provider of AWS ECS")
}

// Provide is never called, because Init fails.
func (p *Provider) Provide(chan<- dynamic.Message, *safe.Pool) error {
	return p.Init()
}
