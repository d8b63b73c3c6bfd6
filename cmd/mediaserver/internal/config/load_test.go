package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// minimal is a service with nothing but what is required.
const minimal = `services:
  - name: a
    direction: inbound
    match: [a]
    first_page: "http://app.example/first"
`

// loadText loads a file of the given content called f.yaml.
func loadText(text string, env ...string) (*Config, error) {
	return load([]byte(text), "f.yaml", env)
}

func TestLoadReports(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		env        []string
		want       string // problems, one a line; file positions as f.yaml:line:column
	}{
		{name: "an unknown key with a suggestion", text: "sip:\n  listn: []\n", want: `f.yaml:2:3: sip.listn: unknown key; did you mean listen?`},
		{name: "an unknown key with what is known", text: "log:\n  colour: true\n", want: `f.yaml:2:3: log.colour: unknown key; known here: level, format`},
		{name: "an unknown key at the top", text: "\n\nport: 5060\n", want: `f.yaml:3:1: port: unknown key; known here: sip, rtp, http, media, tts, pages, conference, admission, websocket, services, store, events, records, cluster, log, shutdown_grace_seconds`},
		{name: "a key given twice", text: "log:\n  level: info\n  level: debug\n", want: `f.yaml:3:3: the key "level" is given twice, first in line 2`},
		{name: "a number that is a text", text: "rtp:\n  port_min: many\n", want: `f.yaml:2:13: rtp.port_min: "many" is not a whole number from 1024 to 65534`},
		{name: "a long text that is no text", env: []string{"MEDIASERVER_LOG_LEVEL=" + strings.Repeat("\x80", 2000)}, want: `MEDIASERVER_LOG_LEVEL: log.level: "…" is not one of debug, info, warn, error`},
		{name: "a number out of range", text: "rtp: {port_min: 80}\n", want: `f.yaml:1:17: rtp.port_min: "80" is not a whole number from 1024 to 65534`},
		{name: "a number with a fraction", text: "pages: {timeout_seconds: 1.5}\n", want: `f.yaml:1:26: pages.timeout_seconds: "1.5" is not a whole number from 1 to 600`},
		{name: "a truth value that is none", text: "conference:\n  direct_dial: yes\n", want: `f.yaml:2:16: conference.direct_dial: "yes" is not true or false`},
		{name: "a word that is not allowed", text: "log: {level: loud}\n", want: `f.yaml:1:14: log.level: "loud" is not one of debug, info, warn, error`},
		{name: "a list in place of a text", text: "log: {level: [info]}\n", want: `f.yaml:1:14: log.level: must be one of debug, info, warn, error, not a list`},
		{name: "a text in place of a list", text: "sip:\n  listen: udp://0.0.0.0:5060\n", want: `f.yaml:2:11: sip.listen: must be a list, for example [a, b]`},
		{name: "a text in place of a list of maps", text: "services: demo\n", want: `f.yaml:1:11: services: must be a list, for example [{name: …}]`},
		{name: "a text in place of a section", text: "rtp: 20000-39999\n", want: `f.yaml:1:6: rtp: must be a map with the keys advertise, port_min, port_max, codecs, io, shared_ports, jitter, timeout_seconds, source, rtcp_mux`},
		{name: "a list as the whole file", text: "- a\n", want: `f.yaml:1:1: must be a map with the keys sip, rtp, http, media, tts, pages, conference, admission, websocket, services, store, events, records, cluster, log, shutdown_grace_seconds`},
		{name: "an empty element", text: "sip:\n  listen:\n    -\n", want: `f.yaml:3:7: sip.listen[0]: must not be empty`},
		{name: "broken YAML", text: "log:\n  level: \"info\nrtp: {}\n", want: `f.yaml:2:10: not valid YAML: could not find end character of double-quoted text`},
		{name: "a wildcard without quotes", text: strings.Replace(minimal, "[a]", "*", 1), want: `f.yaml:4:12: not valid YAML: mapping value is not allowed in this context; quote a text that begins with *`},
		{name: "a wildcard in a list without quotes", text: strings.Replace(minimal, "[a]", "[*]", 1), want: `f.yaml:4:14: not valid YAML: unexpected scalar value type; quote a text that begins with *`},
		{name: "a tab", text: "log:\n\tlevel: info\n", want: "f.yaml:2:1: not valid YAML: found character '\t' that cannot start any token"},
		{name: "bytes that are no UTF-8", text: "log:\n  level: \xff\n", want: `f.yaml:2:10: not UTF-8`},
		{name: "two documents", text: "log: {}\n---\nrtp: {}\n", want: `f.yaml:3:1: a second document; only one is read`},
		{name: "a merge key", text: "log:\n  <<: {level: info}\n", want: `f.yaml:2:3: merge keys (<<) are not supported`},
		{name: "a tag", text: "log:\n  level: !x info\n", want: `f.yaml:2:10: YAML tags (!name) have no meaning here; quote a text that begins with !`},
		{
			name: "every problem, in order", text: "log: {level: loud}\nrtp:\n  port_min: x\n  nothing: 1\nhttp:\n  listen: nowhere\n",
			want: "f.yaml:1:14: log.level: \"loud\" is not one of debug, info, warn, error\n" +
				"f.yaml:3:13: rtp.port_min: \"x\" is not a whole number from 1024 to 65534\n" +
				"f.yaml:4:3: rtp.nothing: unknown key; known here: advertise, port_min, port_max, codecs, io, shared_ports, jitter, timeout_seconds, source, rtcp_mux\n" +
				"f.yaml:6:11: http.listen: \"nowhere\" is not host:port",
		},
		{
			name: "variables after the file", text: "log: {level: loud}\n", env: []string{"MEDIASERVER_RTP_PORT_MIN=x", "MEDIASERVER_HTTP_LISTEN=:x"},
			want: "f.yaml:1:14: log.level: \"loud\" is not one of debug, info, warn, error\n" +
				"MEDIASERVER_HTTP_LISTEN: http.listen: \"x\" is not a port number\n" +
				"MEDIASERVER_RTP_PORT_MIN: rtp.port_min: \"x\" is not a whole number from 1024 to 65534",
		},
		{name: "an unknown variable", env: []string{"MEDIASERVER_HTTP_LISTN=x"}, want: `MEDIASERVER_HTTP_LISTN: no key has this variable; did you mean MEDIASERVER_HTTP_LISTEN?`},
		{name: "a variable beside those of Kubernetes", env: []string{"MEDIASERVER_SERVICE_HOST=10.0.0.1", "MEDIASERVER_HTTP_PORT=8080", "MEDIASERVER_SERVICE=x"}, want: "MEDIASERVER_HTTP_PORT: no key has this variable\nMEDIASERVER_SERVICE: no key has this variable; did you mean MEDIASERVER_SERVICES?"},
		{name: "a variable far from any key", env: []string{"MEDIASERVER_PORT_5060_UDP_ADDR=x"}, want: `MEDIASERVER_PORT_5060_UDP_ADDR: no key has this variable`},
		{name: "broken YAML in a variable", env: []string{"MEDIASERVER_RTP_CODECS=[pcmu"}, want: `MEDIASERVER_RTP_CODECS: not valid YAML: sequence end token ']' not found`},
		{name: "a variable inside a section it replaces", env: []string{"MEDIASERVER_RTP_JITTER={min_ms: 100, max_ms: 40}"}, want: `MEDIASERVER_RTP_JITTER: rtp.jitter.max_ms: 40 is less than rtp.jitter.min_ms, 100`},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, tt.text, tt.env, tt.want) })
	}
}

func TestLoadChecksMeaning(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a listener without scheme", "sip:\n  listen: [\"0.0.0.0:5060\"]\n", `f.yaml:2:12: sip.listen[0]: "0.0.0.0:5060" is not an address such as udp://0.0.0.0:5060`},
		{"a listener of an unknown scheme", "sip: {listen: [\"sctp://0.0.0.0:5060\"]}", `f.yaml:1:16: sip.listen[0]: "sctp://0.0.0.0:5060": "sctp" is not one of udp, tcp, tls, ws, wss`},
		{"a listener without certificate", "sip: {listen: [\"wss://0.0.0.0:443\"]}", `f.yaml:1:16: sip.listen[0]: "wss://0.0.0.0:443" needs a certificate; set sip.tls.cert_file and sip.tls.key_file`},
		{"a listener with an unknown option", "sip: {listen: [\"udp://0.0.0.0:5060?as=x\"]}", `f.yaml:1:16: sip.listen[0]: "udp://0.0.0.0:5060?as=x": only ?advertise= with an IP address, a host name, one of these with a port, or auto may follow the port`},
		{"a SIP certificate without key", "sip: {tls: {cert_file: c.pem}}", `f.yaml:1:12: sip.tls: cert_file and key_file belong together`},
		{"a name server that is none", "sip: {dns: [ns.example.com]}", `f.yaml:1:13: sip.dns[0]: "ns.example.com" is not an IP address with or without a port`},
		{"an origin that is none", "sip: {websocket_origins: [\"https://a/\"]}", `f.yaml:1:27: sip.websocket_origins[0]: "https://a/" is not a host such as phone.example.com, a pattern such as *.example.com, or *`},
		{"a listener without address", "sip: {listen: [\"udp://:5060\"]}", `f.yaml:1:16: sip.listen[0]: "udp://:5060" has no IP address; use udp://0.0.0.0:5060 for all`},
		{"a listener twice", "sip: {listen: [\"udp://[::]:5060\", \"udp://[::]:5060\"]}", `f.yaml:1:35: sip.listen[1]: "udp://[::]:5060" is given twice`},
		{"no listener", "sip: {listen: []}", `f.yaml:1:15: sip.listen: must name at least one address, such as udp://0.0.0.0:5060`},
		{"an advertised address with port", "sip: {advertise: \"sip.example.com:5060\"}", `f.yaml:1:18: sip.advertise: "sip.example.com:5060" is neither an IP address nor a host name; give it without port`},
		{"a network that is none", "sip: {allow: [10.0.0.0/33]}", `f.yaml:1:15: sip.allow[0]: "10.0.0.0/33" is not a network such as 192.0.2.0/24 or an IP address`},
		{"an RTP address that is a name", "rtp: {advertise: media.example.com}", `f.yaml:1:18: rtp.advertise: "media.example.com" is not an IP address`},
		{"more shared ports than ports", "rtp: {io: shared, port_min: 30001, port_max: 30008, shared_ports: 4}", `f.yaml:1:67: rtp.shared_ports: 4 pairs of ports from rtp.port_min, 30001, on go beyond rtp.port_max, 30008`},
		{"ports the wrong way round", "rtp:\n  port_min: 30000\n  port_max: 20000\n", `f.yaml:3:13: rtp.port_max: 20000 leaves no room for a call beside rtp.port_min, 30000: one takes an even port and the next`},
		{"two ports that are no pair", "rtp: {port_min: 20001, port_max: 20002}", `f.yaml:1:34: rtp.port_max: 20002 leaves no room for a call beside rtp.port_min, 20001: one takes an even port and the next`},
		{"a trunk without address", "sip: {trunks: [{name: a}]}", `f.yaml:1:16: sip.trunks[0].address: is missing`},
		{"a trunk with a user", "sip: {trunks: [{name: a, address: \"sip:u@h\"}]}", `f.yaml:1:35: sip.trunks[0].address: "sip:u@h" is not a SIP address without a user, such as sip:sbc.example.net:5060`},
		{"a trunk over SCTP", "sip: {trunks: [{name: a, address: \"sip:h;transport=sctp\"}]}", `f.yaml:1:35: sip.trunks[0].address: "sip:h;transport=sctp": the only parameter is transport, one of udp, tcp, tls, ws, wss`},
		{"a trunk with a password for nobody", "sip: {trunks: [{name: a, address: \"sip:[::1]:5080;transport=tcp\", password: x}]}", `f.yaml:1:16: sip.trunks[0].username: is missing, a password is given`},
		{"two trunks of one name", "sip: {trunks: [{name: a, address: \"sip:h\"}, {name: a, address: \"sip:h:5070\"}]}", `f.yaml:1:52: sip.trunks[1].name: "a" is the name of sip.trunks[0] already (line 1)`},
		{"a default trunk that is none", "sip: {default_trunk: b, trunks: [{name: a, address: \"sip:h\"}]}", `f.yaml:1:22: sip.default_trunk: "b" is not the name of a trunk`},
		{"a codec of a later version", "rtp: {codecs: [pcmu, g722]}", `f.yaml:1:22: rtp.codecs[1]: "g722" is not in this version; available: pcmu, pcma`},
		{"only codecs of a later version", "rtp: {codecs: [opus]}", `f.yaml:1:16: rtp.codecs[0]: "opus" is not in this version; available: pcmu, pcma`},
		{"an unknown codec", "rtp: {codecs: [g729]}", `f.yaml:1:16: rtp.codecs[0]: "g729" is not one of opus, g722, pcmu, pcma`},
		{"no codec", "rtp: {codecs: []}", `f.yaml:1:15: rtp.codecs: must name at least one of pcmu, pcma`},
		{"pprof for everybody", "http: {pprof_listen: \"0.0.0.0:6060\"}", `f.yaml:1:22: http.pprof_listen: "0.0.0.0:6060" is not a loopback address; profiles tell much about a server, so this needs http.pprof_any_address: true`},
		{"a destination that is no SIP address", "conference:\n  destinations: [{match: \"ext-*\", address: \"pbx.example.net\"}]", `f.yaml:2:44: conference.destinations[0].address: "pbx.example.net" is not a SIP address such as sip:{name}@pbx.example.net`},
		{"a destination with an unknown placeholder", "conference:\n  destinations: [{match: \"ext-*\", address: \"sip:{room}@h\"}]", `f.yaml:2:44: conference.destinations[0].address: "sip:{room}@h": only {name} can be filled in`},
		{"an incomplete destination", "conference:\n  destinations:\n    - {}\n", "f.yaml:3:7: conference.destinations[0].match: is missing\nf.yaml:3:7: conference.destinations[0].address: is missing"},
		{"a user without a secret", "http: {users: [{name: a}]}", `f.yaml:1:16: http.users[0]: has neither password nor api_key`},
		{"a user named like a path", "http: {users: [{name: a/b, password: c}]}", `f.yaml:1:23: http.users[0].name: "a/b" must be 1 to 64 letters, digits, spaces or any of . _ -`},
		{"two users of one name", "http:\n  users:\n    - {name: a, password: b}\n    - {name: a, api_key: c}\n", `f.yaml:4:14: http.users[1].name: "a" is the name of http.users[0] already (line 3)`},
		{"an unknown role", "http: {users: [{name: a, password: b, role: king}]}", `f.yaml:1:45: http.users[0].role: "king" is not one of read, operate, admin`},
		{"a certificate without key", "http: {tls: {cert_file: c.pem}}", `f.yaml:1:13: http.tls: cert_file and key_file belong together`},
		{"an unknown call type", minimal + "    call_type: fax\n", `f.yaml:6:16: services[0].call_type: "fax" is not one of telephone, conference`},
		{"no call at a time", minimal + "    max_calls: 0\n", `f.yaml:6:16: services[0].max_calls: "0" is not a whole number from 1 to 100000`},
		{"no media directory", "media: {directory: \"\"}", `f.yaml:1:20: media.directory: must not be empty`},
		{
			"two services of one name", minimal + "  - {name: a, direction: inbound, match: [b], first_page: \"http://h/\"}\n",
			`f.yaml:6:12: services[1].name: "a" is the name of services[0] already (line 2)`,
		},
		{
			"an empty service", "services:\n  - {}\n",
			"f.yaml:2:5: services[0].name: is missing\nf.yaml:2:5: services[0].direction: is missing; it is inbound or outbound\nf.yaml:2:5: services[0].first_page: is missing",
		},
		{"an inbound service without match", strings.Replace(minimal, "    match: [a]\n", "", 1), `f.yaml:2:5: services[0].match: is missing; name the users or SIP addresses that the service answers`},
		{"a relative page", strings.Replace(minimal, "http://app.example", "", 1), `f.yaml:5:17: services[0].first_page: "/first" must be an absolute http:// or https:// address`},
		{"a page of a port that is none", strings.Replace(minimal, "app.example", "app.example:80800", 1), `f.yaml:5:17: services[0].first_page: "http://app.example:80800/first": the port must be from 1 to 65535`},
		{"a page without a host", strings.Replace(minimal, "app.example", ":80", 1), `f.yaml:5:17: services[0].first_page: "http://:80/first" must be an absolute http:// or https:// address`},
		{"a page of another scheme", minimal + "    final_page: ftp://h/\n", `f.yaml:6:17: services[0].final_page: "ftp://h/" must be an absolute http:// or https:// address`},
		{"a page without address", minimal + "    error_page: {method: GET}\n", `f.yaml:6:17: services[0].error_page.url: is missing`},
		{"a page with another method", minimal + "    error_page: {url: \"http://h/\", method: PUT}\n", `f.yaml:6:44: services[0].error_page.method: "PUT" is not one of GET, POST`},
		{"a page that is a list", minimal + "    error_page: [a]\n", `f.yaml:6:17: services[0].error_page: must be an address or {url: …, method: GET or POST}`},
		{"a strict that is neither", minimal + "    strict: maybe\n", `f.yaml:6:13: services[0].strict: "maybe" is not true, false or null`},
		{"an unknown API version", minimal + "    api_version: 3\n", `f.yaml:6:18: services[0].api_version: "3" is not one of 1, 2.0`},
		{"a name for a path", strings.Replace(minimal, "name: a", "name: a/b", 1), `f.yaml:2:11: services[0].name: "a/b" must be 1 to 64 letters, digits, spaces or any of . _ -`},
		{"a registration without a user", "sip:\n  trunks:\n    - {name: carrier, address: \"sip:h\", register: true}\n", `f.yaml:3:7: sip.trunks[0].username: is missing, register is true`},
		{"a second address with a user", "sip: {trunks: [{name: a, address: \"sip:h\", addresses: [\"sip:u@h\"]}]}", `f.yaml:1:56: sip.trunks[0].addresses[0]: "sip:u@h" is not a SIP address without a user, such as sip:sbc.example.net:5060`},
		{"a proxy with another parameter", "sip: {trunks: [{name: a, address: \"sip:h\", proxy: \"sip:p;x=1\"}]}", `f.yaml:1:51: sip.trunks[0].proxy: "sip:p;x=1": the only parameter is transport, one of udp, tcp, tls, ws, wss`},
		{"a pattern of no numbers", "sip: {trunks: [{name: a, address: \"sip:h\", match: [desk]}]}", `f.yaml:1:52: sip.trunks[0].match[0]: "desk" is not a pattern of numbers such as +44*`},
		{"a header that is ours", "sip: {trunks: [{name: a, address: \"sip:h\", headers: [\"Via: x\"]}]}", `f.yaml:1:54: sip.trunks[0].headers[0]: Via is set by the server itself`},
		{"a form without a country", "sip: {trunks: [{name: a, address: \"sip:h\", numbers: {outgoing_to: [{form: e164}]}}]}", `f.yaml:1:75: sip.trunks[0].numbers.outgoing_to[0].form: needs numbers.country_code`},
		{"a rule with an odd prefix", "sip: {trunks: [{name: a, address: \"sip:h\", numbers: {outgoing_to: [{prefix: x}]}}]}", `f.yaml:1:77: sip.trunks[0].numbers.outgoing_to[0].prefix: "x" must be up to 16 digits, + before them`},
		{"no speech engine's name", "tts: {engine: \"\"}", `f.yaml:1:15: tts.engine: must be auto, none or the name of an engine`},
		{"an incomplete voice", "tts: {voices: [{}]}", "f.yaml:1:16: tts.voices[0].selector: is missing\nf.yaml:1:16: tts.voices[0].voice: is missing"},
		{"two voices of one selector", "tts:\n  voices:\n    - {selector: Lisa  UK, voice: a}\n    - {selector: lisa uk, voice: b}\n", `f.yaml:4:18: tts.voices[1].selector: "lisa uk" is that of tts.voices[0] already (line 3)`},
		{"an empty speech engine", "tts: {engines: [{}]}", "f.yaml:1:17: tts.engines[0].name: is missing\nf.yaml:1:17: tts.engines[0].kind: is missing; it is exec or http"},
		{"a speech engine of another kind", "tts: {engines: [{name: a, kind: dll}]}", `f.yaml:1:33: tts.engines[0].kind: "dll" is not one of exec, http`},
		{"a speech engine called auto", "tts: {engines: [{name: auto, kind: exec, preset: flite}]}", `f.yaml:1:24: tts.engines[0].name: "auto" has a meaning of its own in tts.engine; choose another name`},
		{"two speech engines of one name", "tts:\n  engines:\n    - {name: a, kind: exec, preset: flite}\n    - {name: a, kind: exec, preset: flite}\n", `f.yaml:4:14: tts.engines[1].name: "a" is the name of tts.engines[0] already (line 3)`},
		{"a speech engine without its program", "tts: {engines: [{name: a, kind: exec}]}", `f.yaml:1:17: tts.engines[0].command: is missing; name the program and its arguments, or a preset`},
		{"a speech engine without its address", "tts: {engines: [{name: a, kind: http}]}", `f.yaml:1:17: tts.engines[0].url: is missing`},
		{"a program with an address", "tts: {engines: [{name: a, kind: exec, preset: flite, url: \"http://h/\"}]}", `f.yaml:1:59: tts.engines[0].url: is only for engines of kind http`},
		{"a server with a program", "tts: {engines: [{name: a, kind: http, url: \"http://h/\", command: [say]}]}", `f.yaml:1:66: tts.engines[0].command: is only for engines of kind exec`},
		{"a preset of the other kind", "tts: {engines: [{name: a, kind: http, url: \"http://h/\", preset: piper}]}", `f.yaml:1:65: tts.engines[0].preset: "piper" is not for kind http; available: openai`},
		{"an unknown preset", "tts: {engines: [{name: a, kind: http, url: \"http://h/\", preset: best}]}", `f.yaml:1:65: tts.engines[0].preset: "best" is not one of espeak-ng, flite, piper, openai`},
		{"raw speech without a rate", "tts: {engines: [{name: a, kind: exec, command: [say], format: raw}]}", `f.yaml:1:17: tts.engines[0].sample_rate: is missing; raw sound does not say what its rate is`},
		{"a header that YAML takes for a map", "tts: {engines: [{name: a, kind: http, url: \"http://h/\", headers: [{X: y}]}]}", `f.yaml:1:67: tts.engines[0].headers[0]: must be a text, not a map`},
		{"a header without a value", "tts: {engines: [{name: a, kind: http, url: \"http://h/\", headers: [x]}]}", `f.yaml:1:67: tts.engines[0].headers[0]: must be a text such as "Name: value"`},
		{"a speech key given twice", "tts: {engines: [{name: a, kind: http, url: \"http://h/\", key: x, key_file: y}]}", `f.yaml:1:75: tts.engines[0].key_file: key is given too; only one of the two may be`},
		{"speech of a port that is none", "tts: {engines: [{name: a, kind: http, url: \"http://h:80800/\"}]}", `f.yaml:1:44: tts.engines[0].url: the port must be from 1 to 65535`},
		{"a webhook of a port that is none", "events: {webhooks: [{name: a, url: \"http://h:80800/\"}]}", `f.yaml:1:36: events.webhooks[0].url: the port must be from 1 to 65535`},
		{"a cadence that is none", minimal + "    ringing_tone: beep\n", `f.yaml:6:19: services[0].ringing_tone: not a ringing pattern: "beep" is neither "uk", "us", "eu" nor a cadence such as "400+450@-19: 0.4 on 0.2 off 0.4 on 2 off"`},
		{"a long text", "log: {level: " + strings.Repeat("ä", 2000) + "}", `f.yaml:1:14: log.level: "` + strings.Repeat("ä", 500) + `…" is not one of debug, info, warn, error`},
		{"a voice without id", "tts: {engines: [{name: a, kind: exec, preset: piper, voices: [{language: English}]}]}", `f.yaml:1:63: tts.engines[0].voices[0].id: is missing`},
		{"default messages of another kind", minimal + "    default_messages: {invalid: x}\n", `f.yaml:6:24: services[0].default_messages.invalid: unknown key; known here: digit_timeout, invalid_digit`},
		{"default messages that are no list", minimal + "    default_messages: {digit_timeout: Hello}\n", `f.yaml:6:39: services[0].default_messages.digit_timeout: must be a list, for example [a, b]`},
		{"a default message without text", minimal + "    default_messages: {invalid_digit: [a, \"\"]}\n", `f.yaml:6:43: services[0].default_messages.invalid_digit[1]: has 0 characters, not 1 to 5000`},
		{"a page host with a path", minimal + "    page_hosts: [\"h/x\"]\n", `f.yaml:6:18: services[0].page_hosts[0]: "h/x" is not a host or a pattern such as *.example.com`},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, tt.text, nil, tt.want) })
	}
}

func TestLoadRefusesWhatComesLater(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"cluster", "cluster: {nodes: 3}", `f.yaml:1:10: cluster: not in this version (clusters); remove it or set it to its default, {}`},
	} {
		t.Run(tt.name, func(t *testing.T) { wantProblems(t, tt.text, nil, tt.want) })
	}
}

// wantProblems compares all problems of a file with the wanted lines.
func wantProblems(t *testing.T, text string, env []string, want string) {
	t.Helper()
	_, err := loadText(text, env...)
	if err == nil {
		t.Fatal("no problem was found")
	}
	if _, ok := errors.AsType[Problems](err); !ok {
		t.Fatalf("error is %T, want Problems", err)
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLoadAccepts(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		env        []string
		check      func(*Config) bool
	}{
		{"an empty file", "", nil, func(c *Config) bool { return !c.Demo && len(c.Services) == 0 && c.RTP.PortMin == 20000 }},
		{"only comments", "# nothing\n", nil, func(c *Config) bool { return c.HTTP.Listen == "127.0.0.1:8080" }},
		{"sections without content", "sip:\nrtp:\n", nil, func(c *Config) bool { return len(c.SIP.Listen) == 2 }},
		{"null as the default", "log: {level: null}\nrtp: {codecs: ~}", nil, func(c *Config) bool { return c.Log.Level == "info" }},
		{"the default codecs written out", "rtp: {codecs: [opus, g722, pcmu, pcma]}", nil, func(c *Config) bool { return len(c.RTP.Offered()) == 2 && c.RTP.Offered()[0] == "pcmu" }},
		{"available codecs in another order", "rtp: {codecs: [pcma, pcmu]}", nil, func(c *Config) bool { return c.RTP.Offered()[0] == "pcma" }},
		{"a single address as network", "sip: {allow: [192.0.2.7]}", nil, func(c *Config) bool { return c.SIP.Allow[0].String() == "192.0.2.7/32" }},
		{"an unquoted API version", minimal + "    api_version: 2.0\n", nil, func(c *Config) bool { return c.Services[0].APIVersion == "2.0" && c.Services[0].IsStrict() }},
		{"strict set against the version", minimal + "    strict: true\n", nil, func(c *Config) bool { return c.Services[0].IsStrict() }},
		{"strict by version", minimal, nil, func(c *Config) bool { return !c.Services[0].IsStrict() }},
		{"a page as text", minimal, nil, func(c *Config) bool { return c.Services[0].FirstPage == Page{"http://app.example/first", "POST"} }},
		{"a page as map", minimal + "    final_page: {url: \"http://h/x\", method: GET}\n", nil, func(c *Config) bool { return c.Services[0].FinalPage == Page{"http://h/x", "GET"} }},
		{"service defaults", minimal, nil, func(c *Config) bool {
			s := c.Services[0]
			return s.ExtraChannels == 1 && s.MinutesMaxDuration == 240 && s.RingingTone == "uk" && s.FinalPage == Page{}
		}},
		{"an anchor and its alias", "services:\n  - {name: a, direction: inbound, match: &m [x], first_page: &p \"http://h/\"}\n  - {name: b, direction: inbound, match: *m, first_page: *p}\n", nil, func(c *Config) bool {
			return c.Services[1].Match[0] == "x" && c.Services[1].FirstPage.URL == "http://h/"
		}},
		{"a text variable as it stands", minimal, []string{"MEDIASERVER_MEDIA_LOG_DIRECTORY=[a]: #b"}, func(c *Config) bool { return c.Media.LogDirectory == "[a]: #b" }},
		{"a variable over the file", "rtp: {port_min: 30000}", []string{"MEDIASERVER_RTP_PORT_MIN=22000"}, func(c *Config) bool { return c.RTP.PortMin == 22000 }},
		{"a list variable", "", []string{"MEDIASERVER_RTP_CODECS=[pcma]"}, func(c *Config) bool { return c.RTP.Codecs[0] == "pcma" }},
		{"a key with underscores", "", []string{"MEDIASERVER_SHUTDOWN_GRACE_SECONDS=5", "MEDIASERVER_RTP_JITTER_MIN_MS=40"}, func(c *Config) bool { return c.ShutdownGraceSeconds == 5 && c.RTP.Jitter.MinMS == 40 }},
		{"a section variable before the keys inside it", "", []string{"MEDIASERVER_RTP_JITTER_MAX_MS=120", "MEDIASERVER_RTP_JITTER={max_ms: 100}"}, func(c *Config) bool { return c.RTP.Jitter.MaxMS == 120 }},
		{"services by variable", "", []string{`MEDIASERVER_SERVICES=[{name: x, direction: inbound, match: [x], first_page: "http://h/"}]`}, func(c *Config) bool { return c.Services[0].Name == "x" && !c.Demo }},
		{"variables of Kubernetes for a service named mediaserver-sip", "", []string{
			"MEDIASERVER_SIP_SERVICE_HOST=10.0.0.1", "MEDIASERVER_SIP_SERVICE_PORT=5060", "MEDIASERVER_SIP_SERVICE_PORT_SIP=5060",
			"MEDIASERVER_SIP_PORT=udp://10.0.0.1:5060", "MEDIASERVER_SIP_PORT_5060_UDP=udp://10.0.0.1:5060", "MEDIASERVER_SIP_PORT_5060_UDP_ADDR=10.0.0.1",
		}, func(c *Config) bool { return c.SIP.Advertise == "" }},
		{"variables of Kubernetes for a service named mediaserver", "", []string{
			"MEDIASERVER_SERVICE_HOST=10.0.0.1", "MEDIASERVER_SERVICE_PORT=8080", "MEDIASERVER_PORT=tcp://10.0.0.1:8080", "MEDIASERVER_PORT_8080_TCP_PROTO=tcp",
		}, func(*Config) bool { return true }},
		{"variables of other programs", "", []string{"PATH=/bin", "MEDIASERVERS=1"}, func(c *Config) bool { return true }},
		{"pprof on loopback", "http: {pprof_listen: \"127.0.0.1:6060\"}", nil, func(c *Config) bool { return c.HTTP.PprofListen == "127.0.0.1:6060" }},
		{"pprof anywhere when forced", "http: {pprof_listen: \"0.0.0.0:6060\", pprof_any_address: true}", nil, func(c *Config) bool { return c.HTTP.PprofAnyAddress }},
		{"a destination", "conference: {destinations: [{match: \"ext-*\", address: \"sip:{name}@pbx.example.net\"}]}", nil, func(c *Config) bool { return c.Conference.Destinations[0].Match == "ext-*" }},
		{"a cluster of nothing", "cluster: {}", nil, func(c *Config) bool { return true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := loadText(tt.text, tt.env...)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.check(cfg) {
				t.Errorf("not as wanted:\n%s", cfg.YAML())
			}
		})
	}
}

func TestLoadReadsFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Run("without a file the demo answers", func(t *testing.T) {
		cfg, err := Load(Source{})
		if err != nil || !cfg.Demo || cfg.Path != "" {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	t.Run("a named file must exist", func(t *testing.T) {
		_, err := Load(Source{File: "absent.yaml"})
		if err == nil || err.Error() != "absent.yaml: no such file or directory" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the default file is read where it is", func(t *testing.T) {
		write(t, "mediaserver.yaml", minimal)
		cfg, err := Load(Source{})
		if err != nil || cfg.Demo || len(cfg.Services) != 1 || cfg.Path != DefaultFile {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	t.Run("a password file is read and masked", func(t *testing.T) {
		write(t, "secret", "hunter2\nsecond line\n")
		cfg := Default()
		cfg.HTTP.Users = []User{{Name: "a", PasswordFile: filepath.Join(dir, "secret")}}
		d := &decoder{places: map[string]Place{}}
		readSecretFiles(cfg, d)
		if got := cfg.HTTP.Users[0].Password; got.Reveal() != "hunter2" || len(d.problems) != 0 {
			t.Errorf("got %q, problems %v", got.Reveal(), d.problems)
		}
		if strings.Contains(cfg.YAML()+fmt.Sprintf("%v %+v %#v", cfg, cfg.HTTP.Users, cfg.HTTP.Users), "hunter2") {
			t.Error("the password is shown")
		}
	})
	t.Run("a missing password file is a problem", func(t *testing.T) {
		wantProblems(t, "http:\n  users:\n    - name: a\n      password_file: gone\n", nil,
			""+
				"f.yaml:4:22: http.users[0].password_file: cannot read gone: no such file or directory")
	})
}

// write makes a file in the working directory.
func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLongFilesAreNotReadWhole is for those who name a device, or a disk image.
func TestLongFilesAreNotReadWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "long.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 1<<40); err != nil {
		t.Skip("no file system for a file of a tebibyte:", err)
	}
	for name, src := range map[string]Source{
		"a configuration": {File: file},
		"a secret":        {None: true, Env: []string{"MEDIASERVER_HTTP_USERS=[{name: a, password_file: " + file + "}]"}},
	} {
		if _, err := Load(src); name == "a configuration" && (err == nil || err.Error() != file+": more than 1048576 bytes") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
