package sip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startCarrier runs a SIPp that checks the digest of one request, and returns
// its SIP address and how to wait for its end.
func startCarrier(t *testing.T, method, ack, bye string) (address string, wait func()) {
	t.Helper()
	bin, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed (Debian package sip-tester)")
	}
	b, err := os.ReadFile(filepath.Join("testdata", "sipp", "digest.xml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "carrier.xml")
	filled := strings.NewReplacer("[method]", method, "@ACK@", ack, "@BYE@", bye).Replace(string(b))
	if err := os.WriteFile(file, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	cmd := exec.CommandContext(ctx, bin, "-sf", file, "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-m", "1", "-nostdin",
		"-trace_err", "-timeout", "35s", "-timeout_error")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(cancel)
	return fmt.Sprintf("sip:127.0.0.1:%d", port), func() {
		t.Helper()
		if err := <-done; err != nil {
			t.Errorf("sipp: %v\n%s", err, tail(out.String(), 2500))
		}
	}
}

// TestSIPpChecksOurCredentials: another implementation finds them right.
func TestSIPpChecksOurCredentials(t *testing.T) {
	t.Run("REGISTER", func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		carrier, wait := startCarrier(t, "REGISTER", "", "")
		ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
		defer done()
		res, err := u.Register(ctx, RegisterRequest{
			Registrar: carrier, Address: "sip:us@carrier.example", Expires: time.Hour, Digest: NewDigest("us", "secret"),
		})
		if err != nil || res.Expires != 90*time.Second {
			t.Errorf("%+v, %v", res, err)
		}
		wait()
	})
	t.Run("a wrong password", func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		carrier, wait := startCarrier(t, "REGISTER", "", "")
		ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
		defer done()
		_, err := u.Register(ctx, RegisterRequest{Registrar: carrier, Address: "sip:us@carrier.example", Expires: time.Hour, Digest: NewDigest("us", "wrong")})
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != codeForbidden {
			t.Errorf("got %v", err)
		}
		wait()
	})
	t.Run("INVITE", func(t *testing.T) {
		u := startUA(t, Config{}, nil)
		carrier, wait := startCarrier(t, "INVITE", `<recv request="ACK"/>`, `<recv request="ACK"/><recv request="BYE"/><send><![CDATA[

      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]></send>`)
		ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
		defer done()
		d, err := u.Invite(ctx, InviteRequest{To: strings.Replace(carrier, "sip:", "sip:44@", 1), SDP: testSDP("offer"), Digest: NewDigest("us", "secret")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		bye(t, d)
		wait()
	})
}
