//go:build !linux

package limit

import "mediaserver/bench/generator"

func (k *Kernels) systemCalls() error { return generator.ErrPlatform }
