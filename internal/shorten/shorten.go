package shorten

import "strings"

// Text is s, or what it begins with, up to a whole character and at most so many
// bytes, and … behind it. What is no UTF-8 in that is left out.
func Text(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
