package main

import (
	"bytes"
	"context"
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
		"media.directory": func(c *config.Config) {
			c.Media.Directory = filepath.Join(file, "media")
			s := config.NewService("app", []string{"app"}, "http://127.0.0.1:1/")
			s.Recording = true
			c.Services = []config.Service{s}
		},
	} {
		cfg := testConfig(t)
		set(cfg)
		err := Run(t.Context(), cfg, serverOptions{})
		if err == nil || !strings.Contains(err.Error(), "the key "+key+" or the variable "+config.EnvName(key)) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestDirectoriesThatAreMissedAreWarnedOf starts a server that can do without.
func TestDirectoriesThatAreMissedAreWarnedOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for key, set := range map[string]func(*config.Config){
		"media.directory":     func(c *config.Config) { c.Media.Directory = filepath.Join(file, "media") },
		"media.log_directory": func(c *config.Config) { c.Media.LogDirectory = filepath.Join(file, "logs") },
		"":                    func(*config.Config) {},
	} {
		cfg := testConfig(t)
		set(cfg)
		var said bytes.Buffer
		ctx, end := context.WithCancel(t.Context())
		err := Run(ctx, cfg, serverOptions{
			log:       slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn})),
			companion: func(context.Context, *server) error { end(); return nil },
		})
		end()
		if err != nil {
			t.Error(err)
		}
		if warned := strings.Contains(said.String(), "key="+key+" "); key != "" && !warned || key == "" && said.Len() > 0 {
			t.Errorf("%q: %s", key, said.String())
		}
		if left, _ := os.ReadDir(cfg.Media.LogDirectory); len(left) > 0 {
			t.Errorf("left behind: %v", left)
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
