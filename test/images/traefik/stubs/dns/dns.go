// Package dns stands for lego's package of the same name, with its SDK of each DNS provider.
package dns

import (
	"errors"

	"github.com/go-acme/lego/v5/challenge"
)

// NewDNSChallengeProviderByName knows no provider.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, errors.New("built without the DNS providers of ACME, so without " + name)
}
