package config

import (
	"strings"

	"mediaserver/audio"
)

// validateRinging checks the ringing tone of a service.
func (d *decoder) validateRinging(tone, path string) {
	if _, err := audio.ParseRinging(tone); err != nil {
		d.at(path, "%s", strings.TrimPrefix(err.Error(), "audio: "))
	}
}
