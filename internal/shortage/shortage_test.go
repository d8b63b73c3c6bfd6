package shortage

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestIs(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, io.EOF: false, syscall.EADDRINUSE: false, syscall.ENOSPC: false,
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ENOBUFS: true,
		&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ENOMEM)}: true,
	} {
		if got := Is(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
