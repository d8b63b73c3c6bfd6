package dtls

import (
	"testing"

	"mediaserver/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
