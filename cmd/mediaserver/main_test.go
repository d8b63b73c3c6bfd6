package main

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mediaserver/cmd/mediaserver/internal/config"
	"mediaserver/internal/leaktest"
	"mediaserver/tts"
)

// TestMain makes the test program a worker, or a speech engine, if it is
// started as one.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == tts.WorkerCommand:
		os.Exit(tts.RunWorker(os.Stdin, os.Stdout, os.Args[2:]...))
	case len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "bench"):
		main() // started by bench
	case len(os.Args) == 4 && os.Args[1] == sayCommand:
		os.Exit(sayTone(os.Args[2], os.Args[3]))
	}
	leaktest.Main(m)
}

// run runs a command line in an empty directory.
func run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, env: env, signals: make(chan os.Signal, 2)}
	code = p.main(t.Context(), args)
	return code, out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("log: {level: loud}\nport: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	badProblems := bad + ":1:14: log.level: \"loud\" is not one of debug, info, warn, error\n" +
		bad + ":2:1: port: unknown key; known here: sip, rtp, http, media, tts, pages, conference, admission, websocket, services, store, events, records, cluster, log, shutdown_grace_seconds\n"
	for _, tt := range []struct {
		name           string
		args, env      []string
		code           int
		stdout, stderr string // regular expressions
	}{
		{"version", []string{"version"}, nil, 0, `^mediaserver dev\n$`, `^$`},
		{"help", []string{"--help"}, nil, 0, `check-config`, `^$`},
		{"help of a command", []string{"demo", "--help"}, nil, 0, `--sip-port`, `^$`},
		{"an unknown command", []string{"bogus"}, nil, 2, `^$`, `^mediaserver: unexpected argument bogus`},
		{"an unknown flag", []string{"--bogus"}, nil, 2, `^$`, `^mediaserver: unknown flag --bogus`},
		{"a flag without value", []string{"serve", "--config"}, nil, 2, `^$`, `^mediaserver: --config: expected`},
		{"bench of what cannot be", []string{"bench", "media", "--srtp", "dtls"}, nil, 2, `^$`, `--srtp must be one of`},
		{"bench of nothing", []string{"bench"}, nil, 2, `^$`, `expected one of`},
		{"another later command", []string{"phone"}, nil, 2, `^$`, `"phone" is not in this version`},
		{"a third later command", []string{"test", "a", "b"}, nil, 2, `^$`, `"test" is not in this version`},
		{"check-config of the defaults", []string{"check-config"}, nil, 0, `(?m)^  port_min: 20000$`, `^$`},
		{"check-config of a bad file", []string{"check-config", "--config", bad}, nil, 2, `^$`, "^" + regexp.QuoteMeta(badProblems) + "$"},
		{"check-config of a bad variable", []string{"check-config"}, []string{"MEDIASERVER_LOG_LEVEL=x"}, 2, `^$`, `^MEDIASERVER_LOG_LEVEL: log.level: "x" is not one of`},
		{"serve with a bad file", []string{"--config=" + bad}, nil, 2, `^$`, "^" + regexp.QuoteMeta(badProblems) + "$"},
		{"serve without its file", []string{"serve", "--config", "absent.yaml"}, nil, 2, `^$`, `^absent.yaml: no such file or directory\n$`},
		{"demo with a bad flag", []string{"demo", "--rtp-port-min", "3"}, nil, 2, `^$`, `^--rtp-port-min: rtp.port_min: "3" is not a whole number`},
		{"healthcheck of nothing", []string{"healthcheck"}, []string{"MEDIASERVER_HTTP_LISTEN=127.0.0.1:1"}, 1, `^$`, `refused`},
		{"healthcheck of no address", []string{"healthcheck", "--url", "::"}, nil, 2, `^$`, `missing protocol scheme`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := run(t, tt.env, tt.args...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if !regexp.MustCompile(tt.stdout).MatchString(stdout) {
				t.Errorf("stdout %q does not match %q", stdout, tt.stdout)
			}
			if !regexp.MustCompile(tt.stderr).MatchString(stderr) {
				t.Errorf("stderr %q does not match %q", stderr, tt.stderr)
			}
		})
	}
}

func TestHealthcheckAsksTheServer(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		name string
		code int
		exit int
	}{{"well", 200, 0}, {"not well", 503, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/healthz" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				http.Error(w, "as told", tt.code)
			}))
			defer srv.Close()
			_, port, _ := strings.Cut(srv.Listener.Addr().String(), ":")
			code, _, stderr := run(t, []string{"MEDIASERVER_HTTP_LISTEN=0.0.0.0:" + port}, "healthcheck")
			if code != tt.exit || (code != 0) != strings.Contains(stderr, "503: as told") {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
		})
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:80": "127.0.0.1:80", ":80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80",
		"192.0.2.1:80": "192.0.2.1:80", "localhost:80": "localhost:80",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("reachable(%s) = %s, want %s", listen, got, want)
		}
	}
}

// TestAddressesAreServedAsTheyAreWritten: 0.0.0.0 is IPv4 alone, [::] both, as a health
// check on a machine without IPv6 needs.
func TestAddressesAreServedAsTheyAreWritten(t *testing.T) {
	for listen, families := range map[string]string{"0.0.0.0:0": "127.0.0.1", "[::]:0": "127.0.0.1 ::1", ":0": "127.0.0.1 ::1"} {
		l, err := listenTCP(t.Context(), listen)
		if errors.Is(err, syscall.EAFNOSUPPORT) {
			t.Log(listen, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		host, port, _ := net.SplitHostPort(l.Addr().String())
		if listen == "0.0.0.0:0" && host != "0.0.0.0" {
			t.Errorf("%s is shown as %s", listen, host)
		}
		for _, own := range []string{"127.0.0.1", "::1"} {
			c, err := net.Dial("tcp", net.JoinHostPort(own, port))
			if err == nil {
				c.Close()
			}
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				continue // no IPv6 here
			}
			if want := slices.Contains(strings.Fields(families), own); want != (err == nil) {
				t.Errorf("%s at %s: %v", listen, own, err)
			}
		}
	}
}

// docPath is the documentation of the configuration.
const docPath = "../../docs/configuration.md"

// TestEveryKeyIsDocumented holds docs/configuration.md against the schema: one
// row for each key, with its default, and whether it comes later.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) == 5 && strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			rows[strings.Trim(strings.TrimSpace(cells[0]), "`")] = cells
		}
	}
	for _, k := range config.Keys() {
		cells, ok := rows[k.Path]
		if !ok {
			t.Errorf("%s: no row for the key %s, default %s", docPath, k.Path, k.Default)
			continue
		}
		delete(rows, k.Path)
		if got := strings.Trim(strings.TrimSpace(cells[1]), "`"); got != k.Default && !strings.HasPrefix(got, "required") {
			t.Errorf("%s: default of %s is %s, want %s", docPath, k.Path, got, k.Default)
		}
		if later := strings.HasPrefix(strings.TrimSpace(cells[3]), "later"); later != k.Later {
			t.Errorf("%s: %s: state %q, but later is %v", docPath, k.Path, cells[3], k.Later)
		}
	}
	for path := range rows {
		t.Errorf("%s: %s is not a key", docPath, path)
	}
}
