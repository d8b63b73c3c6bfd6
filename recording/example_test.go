package recording_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mediaserver/recording"
)

// A second of a call is recorded. In a server the frames come from the media
// worker, one every 20 ms.
func Example() {
	media, err := os.MkdirTemp("", "media")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(media)

	store, err := recording.NewStore(recording.Config{Directory: media})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- store.Run(ctx) }()

	rec, err := store.Open(ctx, recording.Options{
		InstanceID: "a1b2c3d4e5f60718.55",
		Call:       2,
		Start:      time.Date(2026, 3, 2, 10, 0, 2, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	said, heard := make([]int16, 160), make([]int16, 160)
	for frame := range int64(50) {
		rec.Write(frame, said, heard, 0)
	}
	result, err := rec.Close(ctx)
	fmt.Println(result.Filename, result.Duration, err)
	info, err := os.Stat(filepath.Join(media, result.Filename))
	fmt.Println(info.Size(), "bytes", err)

	stop()
	fmt.Println(<-ended)
	// Output:
	// /rest_api/recordings/2026/03/02/10_00_02_a1b2c3d4e5f60718.55_2_call.wav 1s <nil>
	// 8058 bytes <nil>
	// context canceled
}

// A cipher never shows its key.
func ExampleParseAESCBC() {
	c, err := recording.ParseAESCBC("000102030405060708090a0b0c0d0e0f", "101112131415161718191a1b1c1d1e1f")
	fmt.Printf("%+v %v\n", c, err)
	_, err = recording.ParseAESCBC("0001", "101112131415161718191a1b1c1d1e1f")
	fmt.Println(err)
	// Output:
	// aescbc <nil>
	// recording: bad cipher: key of 2 bytes
}
