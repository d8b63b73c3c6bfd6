//go:build !unix

package recording

import "os"

// lock does nothing: only one process may use the media directory.
func lock(*os.File, bool) bool { return true }
