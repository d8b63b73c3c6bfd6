package restapi

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// silentTLS is a server that accepts connections and never says a word. ended
// tells that a client has let go of one.
func silentTLS(t *testing.T) (address string, ended <-chan struct{}) {
	t.Helper()
	gone := make(chan struct{}, 10)
	address, _ = rawServer(t, func(c *net.TCPConn, _ int) {
		t.Cleanup(func() { c.Close() })
		go func() {
			io.Copy(io.Discard, c)
			gone <- struct{}{}
		}()
	})
	return address, gone
}

// A request that is given up leaves its connection to be made; without a bound
// of its own that would be for ever.
func TestAHandshakeThatNeverEndsIsGivenUp(t *testing.T) {
	address, ended := silentTLS(t)
	cfg := Config{PageTimeout: 100 * time.Millisecond}.withDefaults()
	service := Service{}.withDefaults()
	_, err := newBrowser(&cfg, &service).fetch(t.Context(), "POST", mustURL(t, "https://"+address+"/p"), []byte("{}"))
	wantCode(t, err, CodePageTimeout)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the connection is still open")
	}
}

func TestAnEndlessLineOfTheFarEndIsNotRepeated(t *testing.T) {
	address, _ := rawServer(t, func(c *net.TCPConn, _ int) {
		defer c.Close()
		c.Read(make([]byte, 4096))
		io.WriteString(c, strings.Repeat("x", 200_000)+"\r\n\r\n")
	})
	_, err := realBrowser(t).fetch(t.Context(), "POST", mustURL(t, "http://"+address+"/p"), []byte("{}"))
	wantCode(t, err, CodePageUnreachable)
	if n := len(err.Error()); n > 1000 {
		t.Errorf("a text of %d bytes goes to logs and the error page", n)
	}
}
