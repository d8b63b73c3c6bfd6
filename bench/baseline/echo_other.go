//go:build !linux

package baseline

import "context"

func openEcho(*Config) (serve func(context.Context), ports []int, err error) {
	return nil, nil, ErrPlatform
}
