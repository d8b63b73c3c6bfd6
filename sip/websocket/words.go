package websocket

import "strings"

// words are the parts of a list at commas, without white space.
func words(list string) []string {
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
