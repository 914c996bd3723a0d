package server

import "net/netip"

// Settings are what may change while a Server runs; Config says what each means.
type Settings struct {
	Organisation   string
	Support        Support
	TrustedProxies []netip.Prefix
	LimitFactor    int
	Attribute      *Words // what the directory knows and people are asked for; nil for nothing
}

// Set replaces the settings, for requests that begin from now on.
func (s *Server) Set(n Settings) {
	n.LimitFactor = max(n.LimitFactor, 1)
	s.running.Store(&n)
}

func (s *Server) settings() Settings { return *s.running.Load() }
