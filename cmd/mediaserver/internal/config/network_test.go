package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNetworkOfSIP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.yaml")
	text := `sip:
  listen:
    - "udp://0.0.0.0:5060?advertise=203.0.113.5"
    - "udp://[::]:5060?advertise=[2001:db8::5]:15060"
    - "tls://0.0.0.0:5061?advertise=sip.example.com:443"
    - "wss://0.0.0.0:443"
    - "tcp://0.0.0.0:5060?advertise=auto"
  advertise: auto
  tls: {cert_file: c.pem, key_file: k.pem, ca_file: ca.pem, client_certificates: optional}
  websocket_origins: ["*.example.com"]
  dns: ["192.0.2.53", "[2001:db8::53]:5353"]
  keep_alive_seconds: 25
  trunks:
    - {name: a, address: "sips:sbc.example.net"}
    - {name: b, address: "sip:sbc.example.net;transport=tls"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(Source{File: file})
	if err != nil {
		t.Fatal(err)
	}
	want := TLS{CertFile: "c.pem", KeyFile: "k.pem", CAFile: "ca.pem", ClientCertificates: "optional"}
	if diff := cmp.Diff(want, cfg.SIP.TLS); diff != "" {
		t.Error(diff)
	}
	servers, err := cfg.SIP.Servers()
	if err != nil || len(servers) != 2 || servers[0] != netip.MustParseAddrPort("192.0.2.53:53") || servers[1] != netip.MustParseAddrPort("[2001:db8::53]:5353") {
		t.Errorf("%v, %v", servers, err)
	}
	if cfg.SIP.KeepAliveSeconds != 25 || len(cfg.SIP.WebSocketOrigins) != 1 {
		t.Errorf("%+v", cfg.SIP)
	}
}
