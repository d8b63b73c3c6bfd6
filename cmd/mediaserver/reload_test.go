package main

import (
	"os"
	"strings"
	"testing"

	"mediaserver/cmd/mediaserver/internal/config"
)

const oneService = "services: [{name: a, direction: inbound, match: [a], first_page: \"http://app/\"}]\n"

// TestReloadRefuses changes or removes the file that a server was started
// with.
func TestReloadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a file that is gone", "", "./mediaserver.yaml: no such file or directory"},
		{
			"a voice that there is not", strings.Replace(oneService, "}]", ", tts_voice: Klingon}]", 1),
			`services[0].tts_voice: no engine has a voice "Klingon"`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile(config.DefaultFile, []byte(oneService), 0o600); err != nil {
				t.Fatal(err)
			}
			p := &program{}
			cfg, err := configFlag{}.load(p)
			if err != nil {
				t.Fatal(err)
			}
			if err = os.Remove(config.DefaultFile); err == nil && tt.text != "" {
				err = os.WriteFile(config.DefaultFile, []byte(tt.text), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s := &server{opts: serverOptions{load: reload(p, cfg)}}
			if _, _, err := s.prepareReload(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
