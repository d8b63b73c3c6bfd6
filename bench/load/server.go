package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout  = 10 * time.Second
	stopTimeout   = 20 * time.Second
	pollInterval  = 50 * time.Millisecond
	histogramName = "mediaserver_slot_lateness_seconds_bucket"
)

// server is the process under test.
type server struct {
	cmd       *exec.Cmd
	sip, http string // addresses
}

const configText = `sip: {listen: ["udp://%[1]s"]}
rtp: {port_min: 30000, port_max: 59999, codecs: [pcmu, pcma]}
http: {listen: "%[2]s"}
media: {directory: "%[3]s/media", log_directory: "%[3]s/logs"}
conference: {max_participants: 0}
log: {level: warn}
shutdown_grace_seconds: 1
services:
  - {name: load, direction: inbound, match: ["*"], first_page: {url: "http://%[4]s/first", method: POST}}
`

// startServer runs binary with a configuration whose application is at app.
func startServer(ctx context.Context, binary, dir, app string) (*server, error) {
	s := &server{}
	var err error
	if s.sip, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.http, err = freeAddress(); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "mediaserver.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(configText, s.sip, s.http, dir, app)), 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--config", file)
	s.cmd.Stdout, s.cmd.Stderr = os.Stderr, os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	return s, s.waitReady(ctx)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if _, err := get(ctx, "http://"+s.http+"/readyz"); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the server did not become ready")
		case <-time.After(pollInterval):
		}
	}
}

// stop ends the server in good order, or by force after a while.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	kill := time.AfterFunc(stopTimeout, func() { s.cmd.Process.Kill() }) //nolint:errcheck // last resort
	defer kill.Stop()
	return s.cmd.Wait()
}

// cpu is the time the server's threads have run so far.
func (s *server) cpu() (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("read CPU time: no threads found (%w)", err)
	}
	var total time.Duration
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		run, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(run, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// metrics reads /metrics: name with labels → value.
func (s *server) metrics(ctx context.Context) (map[string]float64, error) {
	body, err := get(ctx, "http://"+s.http+"/metrics")
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	scanner := bufio.NewScanner(strings.NewReader(body))
	for scanner.Scan() {
		line := scanner.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			values[line[:i]] = v
		}
	}
	return values, scanner.Err()
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // read only
	var b strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&b); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, res.Status)
	}
	return b.String(), nil
}

// quantile is the upper bound of the histogram bucket that holds quantile q
// of what was observed between two readings [s].
func quantile(before, after map[string]float64, q float64) float64 {
	const bound = `le="`
	buckets := map[float64]float64{}
	for name, v := range after {
		if !strings.HasPrefix(name, histogramName) {
			continue
		}
		_, le, _ := strings.Cut(name, bound)
		le, _, _ = strings.Cut(le, `"`)
		limit, err := strconv.ParseFloat(le, 64)
		if err == nil {
			buckets[limit] += v - before[name]
		}
	}
	total, best := buckets[math.Inf(1)], math.Inf(1)
	for limit, n := range buckets {
		if n >= q*total && limit < best {
			best = limit
		}
	}
	return best
}
