package main

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mediaserver/cmd/mediaserver/internal/config"
)

func TestDirectoriesThatCannotBeUsedAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for key, set := range map[string]func(*config.Config){
		"store.directory":   func(c *config.Config) { c.Store.Directory = filepath.Join(file, "state") },
		"records.directory": func(c *config.Config) { c.Records.Directory = filepath.Join(file, "records") },
	} {
		cfg := testConfig(t)
		set(cfg)
		err := Run(t.Context(), cfg, serverOptions{})
		if err == nil || !strings.Contains(err.Error(), "the key "+key+" or the variable "+config.EnvName(key)) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestHTTPThatOthersReachWithoutUsersIsWarnedOf(t *testing.T) {
	for _, tt := range []struct {
		listen string
		users  []config.User
		warned bool
	}{
		{"127.0.0.1:8080", nil, false},
		{"[::1]:8080", nil, false},
		{"0.0.0.0:8080", nil, true},
		{"192.0.2.1:8080", nil, true},
		{"[::]:8080", nil, true},
		{"0.0.0.0:8080", []config.User{{Name: "admin"}}, false},
	} {
		addr, err := net.ResolveTCPAddr("tcp", tt.listen)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		s := &server{cfg: config.Default(), addrs: addresses{http: addr}, log: slog.New(slog.NewTextHandler(&said, nil))}
		s.cfg.HTTP.Users = tt.users
		s.warnOfOpenHTTP()
		if got := strings.Contains(said.String(), "http.users"); got != tt.warned {
			t.Errorf("%s with %d users: warned %v", tt.listen, len(tt.users), got)
		}
	}
}
