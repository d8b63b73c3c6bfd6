package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificatesThatCannotBeUsedAreNamedWithTheirPlace(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("text.pem", []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "c.yaml")
	text := "sip:\n  tls: {cert_file: gone.pem, key_file: gone.key, ca_file: text.pem}\n" +
		"http:\n  listen: \"127.0.0.1:0\"\n  tls: {cert_file: text.pem, key_file: text.pem}\n" +
		"websocket: {ca_file: gone.pem}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"check-config", "serve"} {
		code, _, stderr := run(t, nil, command, "--config", file)
		if code != exitUsage {
			t.Errorf("%s: exit code %d", command, code)
		}
		for _, want := range []string{
			file + ":2:20: sip.tls.cert_file: cannot be used: certificate gone.pem with key gone.key: open gone.pem: no such file",
			file + ":2:59: sip.tls.ca_file: cannot be used: text.pem: holds no certificate",
			file + ":5:20: http.tls.cert_file: cannot be used: certificate text.pem with key text.pem: tls: failed to find any PEM data",
			file + ":6:22: websocket.ca_file: cannot be used: open gone.pem: no such file",
		} {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s says %q, not %q", command, stderr, want)
			}
		}
	}
}
