package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
)

// openDirectory maps the domains of the configuration: one, or several of a forest.
// attributes are those that policies compare.
func openDirectory(d config.Directory, attributes []string, log *slog.Logger) (*ad.Forest, error) {
	var domains []ad.Config
	for _, one := range d.All() {
		c, err := domainConfig(one)
		if err != nil {
			return nil, err
		}
		c.OpTimeout, c.Attributes, c.Now, c.Logger = d.Timeout, attributes, now, log
		domains = append(domains, c)
	}
	f, err := ad.OpenForest(domains...)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	return f, nil
}

func domainConfig(d config.Domain) (ad.Config, error) {
	c := ad.Config{
		Controllers: d.Controllers, CAFile: d.CAFile, BaseDN: d.BaseDN,
		ProtectedGroups: d.ProtectedGroups, ProtectedOUs: d.ProtectedOUs,
	}
	var err error
	if c.Read, err = service(d.Read); err != nil {
		return c, err
	}
	if d.Write != (config.Account{}) {
		if c.Write, err = service(d.Write); err != nil {
			return c, err
		}
	}
	if d.Domain != "" {
		c.Discovery, err = discovery(d)
	}
	return c, err
}

func discovery(d config.Domain) (*ad.Discovery, error) {
	found := &ad.Discovery{Domain: d.Domain, Site: d.Site, StartTLS: d.TLS == config.DirectoryStartTLS}
	if len(d.DNS) == 0 {
		return found, nil
	}
	resolver, err := ad.NameServers(d.DNS...)
	if err != nil {
		return nil, fmt.Errorf("name servers of %s: %w", d.Domain, err)
	}
	found.Resolver, found.Servers = resolver, d.DNS
	return found, nil
}

// lookAtDirectory says at start what nobody should learn from the first person
// who is locked out. The server runs without a directory: it may come later.
func (a *app) lookAtDirectory(ctx context.Context) {
	if err := a.dir.Ready(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("directory is not ready: nobody can be helped until it is", "error", err)
	}
}
