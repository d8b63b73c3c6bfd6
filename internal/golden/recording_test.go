package golden

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mediaserver/audio"
	"mediaserver/audio/g711"
	"mediaserver/audio/wav"
	"mediaserver/restapi"
)

const (
	testKey = "000102030405060708090a0b0c0d0e0f"
	testIV  = "101112131415161718191a1b1c1d1e1f"
)

// recorded reads the recording that a page was told of.
func recorded(w *world, path, caller string) []byte {
	w.t.Helper()
	name, _ := get(w.t, w.request(path, caller).info, "this_call", "call_recording_filename").(string)
	b, err := os.ReadFile(filepath.Join(w.media, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// wantRecording asserts length and tones of a WAV file, between half a second
// after its beginning and half a second before its end.
func wantRecording(t *testing.T, file []byte, length time.Duration, tones ...float64) {
	t.Helper()
	clip, info, err := wav.Decode(bytes.NewReader(file), 1<<24)
	if err != nil {
		t.Fatal(err)
	}
	if d := (info.Duration() - length).Abs(); d > frame {
		t.Errorf("the recording lasts %v, want %v", info.Duration(), length)
	}
	part := clip.Samples[4000 : len(clip.Samples)-4000]
	for _, f := range tones {
		if level := audio.ToneLevel(part, 8000, f); level < -25 {
			t.Errorf("%.0f Hz at %.1f dBov in the recording", f, level)
		}
	}
}

func TestG51RecordingOfTheSecondaryCall(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(dict{"exit_digit": "#"}), secondary(dict{"call_recording": true, "final_page": "sfinal"}))))
		w.on("first@"+q, answer(join("room", quiet())))
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(2 * second)
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(12 * second)
		a.hangUp()
		w.at(13 * second)
		wantRecording(t, recorded(w, "sfinal", p), 10*second, toneP, toneQ)
	})
}

func TestG52RecordingIsEncrypted(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(),
			secondary(dict{"call_recording": true, "call_recording_encryption": true, "first_page": "sfirst", "final_page": "sfinal"}))))
		w.on("sfirst", encode(dict{
			"api_version": "2.0", "actions": []dict{},
			"call_recording_cipher": dict{"type": "aescbc", "key": testKey, "initialisation_vector": testIV},
		}))
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		a.hangUp()
		w.at(5 * second)
		file := recorded(w, "sfinal", p)
		key, _ := hex.DecodeString(testKey)
		iv, _ := hex.DecodeString(testIV)
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(file, file)
		wantRecording(t, file[:len(file)-int(file[len(file)-1])], 4*second, toneP)
		if bytes.Contains([]byte(w.log.String()), []byte(testKey)) {
			t.Error("the key is in the log")
		}
	})
}

func TestG53MissingCipher(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.file("after.wav", 700, second)
		w.on("first", answer(join("room", quiet(),
			secondary(dict{"call_recording": true, "call_recording_encryption": true, "first_page": "sfirst", "final_page": "sfinal", "error_page": "serror"})),
			file("after.wav")))
		a := w.dial(p, phoneOptions{})
		w.at(3 * second)
		w.wantAsked(p, "first", "sfirst", "serror", "sfinal", "final")
		wantCode(t, w.request("serror", p), "MISSING_CIPHER")
		a.hears(700, 200*milli, 900*milli)
	})
}

func TestWholePrimaryCallIsRecorded(t *testing.T) {
	both := func(s *restapi.Service) { s.Recording.On = true }
	run(t, options{record: true, service: both}, func(w *world) {
		w.file("hello.wav", 700, 2*second)
		w.on("first", answer(file("hello.wav"), join("room", quiet(dict{"exit_digit": "#"}))))
		w.on("first@"+q, answer(join("room", quiet())))
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		w.at(second)
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(7 * second)
		a.hangUp()
		w.at(8 * second)
		file := recorded(w, "final", p)
		wantRecording(t, file, 6*second, toneP, toneQ)
		clip, _, err := wav.Decode(bytes.NewReader(file), 1<<24)
		if err != nil {
			t.Fatal(err)
		}
		if level := audio.ToneLevel(clip.Samples[2000:14000], 8000, 700); level < -20 {
			t.Errorf("the play is in the recording at %.1f dBov", level)
		}
	})
}

func TestSeparateRecordingHasAChannelForEachSide(t *testing.T) {
	run(t, options{record: true}, func(w *world) {
		w.on("first@"+p, answer(join("room", quiet(dict{"exit_digit": "#"}),
			secondary(dict{"call_recording": true, "call_recording_mode": "separate", "final_page": "sfinal"}))))
		w.on("first@"+q, answer(join("room", quiet())))
		b := w.dial(q, phoneOptions{})
		b.say(toneQ)
		a := w.dial(p, phoneOptions{})
		a.say(toneP)
		w.at(4 * second)
		a.press("#")
		w.at(5 * second)
		said, heard := channels(t, recorded(w, "sfinal", p))
		if share := audio.ToneShare(said[4000:20000], 8000, toneP); share < 0.98 {
			t.Errorf("share of P's tone in its own channel is %.3f", share)
		}
		if share := audio.ToneShare(heard[4000:20000], 8000, toneQ); share < 0.98 {
			t.Errorf("share of Q's tone in the channel of what P heard is %.3f", share)
		}
	})
}

// channels takes a µ-law file of two channels apart.
func channels(t *testing.T, file []byte) (first, second []int16) {
	t.Helper()
	i := bytes.Index(file, []byte("data"))
	if i < 0 || file[22] != 2 {
		t.Fatalf("no file of two channels: % x", file[:min(len(file), 60)])
	}
	data := file[i+8:]
	pcm := make([]int16, len(data))
	g711.DecodeULaw(pcm, data)
	for i := 0; i+1 < len(pcm); i += 2 {
		first, second = append(first, pcm[i]), append(second, pcm[i+1])
	}
	return first, second
}

func TestRecordingKeepsDigitsOnlyIfAsked(t *testing.T) {
	for name, eliminate := range map[string]bool{"eliminated": true, "kept": false} {
		t.Run(name, func(t *testing.T) {
			run(t, options{record: true}, func(w *world) {
				w.on("first@"+p, answer(join("room", quiet(),
					secondary(dict{"call_recording": true, "call_recording_eliminate_dtmf": eliminate, "final_page": "sfinal"}))))
				w.on("first@"+q, answer(join("room", quiet())))
				b := w.dial(q, phoneOptions{})
				a := w.dial(p, phoneOptions{noEvents: true})
				w.at(2 * second)
				a.tones("5")
				w.at(4 * second)
				a.hangUp()
				w.at(5 * second)
				clip, _, err := wav.Decode(bytes.NewReader(recorded(w, "sfinal", p)), 1<<24)
				if err != nil {
					t.Fatal(err)
				}
				found := len(audio.ToneSpans(clip, 770, -30, 40*milli)) > 0
				if found == eliminate {
					t.Errorf("the key's tone in the recording: %v", found)
				}
				b.hearsSilence(2*second, 4*second)
			})
		})
	}
}
