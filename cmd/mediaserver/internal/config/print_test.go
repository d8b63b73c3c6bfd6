package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestYAMLIsReadBackUnchanged(t *testing.T) {
	cfg, err := loadText(`
sip: {listen: ["udp://127.0.0.1:0"], allow: ["10.0.0.0/8", "2001:db8::/32"]}
conference: {destinations: [{match: "*", address: "sip:{name}@h"}]}
services:
  - name: "null"
    direction: inbound
    match: ["+44*", "*", "-", "a#b", "true", "012", "sip:x@y", "ü", "{a}"]
    first_page: {url: "http://h/?a=b&c={d}", method: GET}
    application_parameters: "two\nlines: \"quoted\" \\ 'single' \u00a0 \x01 "
    strict: false
    page_hosts: ["*.example.com"]
tts:
  engine: own
  cache_directory: ./speech
  voices: [{selector: Lisa, voice: English Female}]
  engines:
    - {name: own, kind: exec, command: [say, "-v", "{voice}", "{text}"], format: raw, sample_rate: 22050, voices: [{id: a, language: English, gender: Female, name: "Ann Marie"}]}
    - {name: cloud, kind: http, url: "https://h/{voice}", method: POST, headers: ["Authorization: Bearer {key}"], body: '{"t":"{text}"}'}
`)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadText(cfg.YAML())
	if err != nil {
		t.Fatalf("%v\n%s", err, cfg.YAML())
	}
	if diff := cmp.Diff(cfg, again, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("changed (-first +second):\n%s", diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	const secret = "hunter2hunter2"
	t.Run("in the effective configuration", func(t *testing.T) {
		cfg, err := loadText(minimal + "    signing_secret: " + secret + "\n    final_page: http://user:" + secret + "@h/\n")
		if err != nil {
			t.Fatal(err)
		}
		if out := cfg.YAML(); strings.Contains(out, secret) || !strings.Contains(out, "signing_secret: \""+mask+`"`) {
			t.Error(out)
		}
	})
	t.Run("of a speech engine in the effective configuration", func(t *testing.T) {
		cfg, err := loadText("tts:\n  engines:\n    - name: a\n      kind: http\n      url: https://u:" + secret + "@h/\n" +
			"      headers: [\"X-Api-Key: " + secret + "\", \"Accept: audio/wav\"]\n      key: " + secret + "\n")
		if err != nil {
			t.Fatal(err)
		}
		out := cfg.YAML() + fmt.Sprintf("%v %+v %#v", cfg.TTS, cfg.TTS, cfg.TTS.Engines[0].Headers)
		if strings.Contains(out, secret) || !strings.Contains(out, "Accept: audio/wav") || !strings.Contains(out, "X-Api-Key: "+mask) {
			t.Error(out)
		}
	})
	for name, text := range map[string]string{
		"a header that is not one":     "tts: {engines: [{name: a, kind: http, url: \"http://h\", headers: [" + secret + "]}]}",
		"a secret read as an alias":    minimal + "    signing_secret: *" + secret + "\n",
		"a secret read as a tag":       minimal + "    signing_secret: !" + secret + "\n",
		"a secret read as a block":     minimal + "    signing_secret: |" + secret + "\n",
		"a secret that is a list":      minimal + "    signing_secret: [" + secret + "]\n",
		"a page of the wrong scheme":   minimal + "    final_page: ftp://user:" + secret + "@h/\n",
		"a page that cannot be parsed": minimal + "    final_page: \"http://user:" + secret + "@h:x/\"\n",
		"a secret with a broken quote": minimal + "    signing_secret: \"" + secret + "\n",
		"an indented secret":           minimal + "    signing_secret: a\n   " + secret + "\n",
	} {
		t.Run("in the message about "+name, func(t *testing.T) {
			_, err := loadText(text)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Error(err)
			}
		})
	}
}

func TestVariablesAreUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for _, k := range Keys() {
		if strings.Contains(k.Path, "[]") {
			continue
		}
		name := EnvName(k.Path)
		if was, taken := seen[name]; taken {
			t.Errorf("%s stands for both %s and %s", name, was, k.Path)
		}
		seen[name] = k.Path
	}
	if len(seen) < 30 {
		t.Errorf("only %d keys", len(seen))
	}
}
