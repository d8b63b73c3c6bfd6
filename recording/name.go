package recording

import (
	"strconv"
	"strings"
	"time"
)

// directory is where recordings are, in the media directory.
const directory = "rest_api/recordings"

// The ends of names.
const (
	wavEnd  = ".wav"
	partEnd = ".part"          // behind the name of a file that is being written
	aesEnd  = ".aes"           // behind the name of an interrupted file for an age recipient
	keyEnd  = aesEnd + ".key"  // its key, encrypted for the recipient
	ageEnd  = ".age" + partEnd // an age file that is not complete
)

// maxTries bounds the search for a name that is not taken.
const maxTries = 1000

// validID reports whether an instance id can be part of a name.
func validID(id string) bool {
	if len(id) == 0 || len(id) > 64 || strings.Contains(id, "..") || id[0] == '.' || id[len(id)-1] == '.' {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}

// name is the name of a recording in the media directory, without ".wav":
// rest_api/recordings/YYYY/MM/DD/HH_MM_SS_<id>, with _call or _<n>_call.
func (o Options) name(now time.Time) string {
	start := o.Start
	if start.IsZero() {
		start = now
	}
	name := start.UTC().Format(directory + "/2006/01/02/15_04_05_")
	name += o.InstanceID
	switch {
	case o.Call == 1:
		name += "_call"
	case o.Call > 1:
		name += "_" + strconv.Itoa(o.Call) + "_call"
	}
	return name
}

// nth is the n-th choice for a file of a name: name.wav, name_2.wav …
func nth(name string, n int) string {
	if n > 1 {
		name += "_" + strconv.Itoa(n)
	}
	return name + wavEnd
}
