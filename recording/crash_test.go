package recording

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// The child process is the test binary with the directory and, if given, the
// age recipient in its environment.
const (
	crashDirectory = "MEDIASERVER_TEST_CRASH_DIRECTORY"
	crashRecipient = "MEDIASERVER_TEST_CRASH_RECIPIENT"
)

var crashNames = []string{"plain", "aes", "age"}

// recordUntilKilled is the child process: it records in real time, three files
// at once, and tells on its standard output how many frames there were.
func recordUntilKilled(dir string) {
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	s, err := NewStore(Config{Directory: dir})
	check(err)
	go func() { check(s.Run(context.Background())) }()
	forAge, err := Age(os.Getenv(crashRecipient))
	check(err)
	forAES, err := ParseAESCBC(testKey, testVector)
	check(err)
	var all []*Recording
	for i, c := range []Cipher{{}, forAES, forAge} {
		r, err := s.Open(context.Background(), Options{InstanceID: crashNames[i], Start: start, Cipher: c})
		check(err)
		all = append(all, r)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	for i := int64(0); ; i++ {
		for _, r := range all {
			r.Write(i, sine(i, 440, 6000), nil, 0)
		}
		fmt.Println(i + 1)
		<-tick.C
	}
}

// TestKilled kills a recording process with SIGKILL: what is left is playable
// after the repair, and at most a second is missing.
func TestKilled(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDirectory+"="+dir, crashRecipient+"="+identity.Recipient().String())
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	frames := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(lines.Text())
		}
		frames = n
		if n == 75 { // more than a second, between two flushes
			if report, err := Repair(t.Context(), dir); err != nil || report != (Report{InUse: 3}) {
				t.Errorf("while it is being written: %+v, %v", report, err)
			}
		}
		if n == 110 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait()
	report, err := Repair(t.Context(), dir)
	if err != nil || report != (Report{Repaired: 3}) {
		t.Fatalf("%+v, %v", report, err)
	}
	if again, err := Repair(t.Context(), dir); err != nil || again != (Report{}) {
		t.Errorf("again: %+v, %v", again, err)
	}
	day := filepath.Join(dir, directory, "2026/03/02")
	for i, name := range crashNames {
		base := filepath.Join(day, "10_00_02_"+name+wavEnd)
		var b []byte
		switch i {
		case 0:
			b = read(t, "", base)
			parseExact(t, b)
		case 1:
			b = decrypted(t, testCipher(t), read(t, "", base))
			checkOpenSSL(t, 128, testKey, base, b)
		case 2:
			c, words := unwrapped(t, read(t, "", base+keyEnd), identity)
			b = decrypted(t, c, read(t, "", base+aesEnd))
			checkOpenSSL(t, 256, words[1], base+aesEnd, b, words[2:]...)
		}
		if len(b) < 58 {
			t.Fatalf("%s: %d bytes", name, len(b))
		}
		got := (len(b) - 58 + 20) / 160 // without what was in the limiter
		t.Logf("%s: %d of %d frames", name, got, frames)
		if got < frames-50 || got > frames+1 {
			t.Errorf("%s: %d frames of %d", name, got, frames)
		}
		pcm := parsed{tag: 6, channels: 1, audio: b[58:]}.linear(0)
		for k := range got - 1 {
			if !bytes.Equal(bytesOf(pcm[k*160:][:160]), bytesOf(coded(sine(int64(k), 440, 6000)))) {
				t.Errorf("%s: frame %d is not what was written", name, k)
				break
			}
		}
	}
	entries, err := os.ReadDir(day)
	if err != nil || len(entries) != 4 {
		t.Errorf("files %v, %v", entries, err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), partEnd) {
			t.Errorf("left over: %s", e.Name())
		}
	}
}

func bytesOf(pcm []int16) []byte {
	var b []byte
	for _, v := range pcm {
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}
