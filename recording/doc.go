// Package recording writes the sound of calls to WAV files.
//
// # Vocabulary
//
// A Store owns a media directory and the goroutines that write into it. A
// Recording is one file being made. Each frame of it has two sides: what the
// far end of the call said, and what it heard. In mode Mixed the file has one
// channel with the sum of both, in mode Separate two: first said, then heard.
//
//	media worker                    goroutines of the Store
//	Recording.Write ─► queue ─►  writer: sum → limiter → G.711 → (AES) → file.part
//	  never waits      (frames)      │ Close
//	                                 └► finisher: lengths in the header → file.wav
//
// # Time
//
// Frames carry the number that the media engine gave them, and the number says
// where in the file a frame belongs: the first one written is the beginning of
// the file, the last one its end, and what is missing in between is silence of
// the right length. It does not matter when frames are written to the disk.
//
// # Trouble
//
// The media path never waits. When the disk is slow the queue of a recording
// (2.56 s) runs full, and when it is full of data frames cannot be stored at
// all; either way the frames are counted with their cause and become silence.
// Opening and closing take a bounded time.
//
// Files are written every 400 ms under the name of the recording with ".part"
// behind it, and get their name when they are complete. What an interrupted
// process leaves behind is completed by Repair, which a Store does when it
// starts. A lock on the file tells it from one that is being written.
//
// # Encryption
//
// With a Cipher nothing reaches the disk in clear, and no key does. AES files
// are CBC with PKCS#7 padding of the whole WAV file, as "openssl enc" has it.
// They are complete, padding included, after every write: an interrupted one
// decrypts like any other. Files for an age recipient are written with a key
// of their own, and turned into an age file when they are complete; see
// docs/recording.md for what to do with an interrupted one.
//
// # Concurrency
//
// All methods of Store are safe for concurrent use, and so is Recording.Close.
// Recording.Write belongs to one goroutine at a time.
//
// Sources: Multimedia Programming Interface and Data Specifications 1.0 (RIFF),
// ITU-T G.711, NIST SP 800-38A §6.2 (CBC), RFC 5652 §6.3 (padding),
// age-encryption.org/v1.
package recording
