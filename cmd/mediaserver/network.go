package main

import (
	"time"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/sip"
)

// network is how SIP is reached and reaches others.
func network(s *config.SIP) sip.Network {
	servers, _ := s.Servers() // config has checked them
	return sip.Network{
		TLS: sip.TLS{
			CertFile: s.TLS.CertFile, KeyFile: s.TLS.KeyFile, CAFile: s.TLS.CAFile,
			ClientCerts: s.TLS.ClientCertificates,
		},
		Origins:   s.WebSocketOrigins,
		DNS:       servers,
		KeepAlive: time.Duration(s.KeepAliveSeconds) * time.Second,
	}
}
