// Package wav reads and writes WAV files of telephone audio.
//
// [Decode] takes every form that a prompt may have and gives a narrowband clip:
//
//	format                            channels  rate [Hz]
//	G.711 A-law, µ-law                1 or 2    8000
//	8-bit unsigned linear             1         8000
//	IMA ADPCM, 4 bit                  1         8000
//	OKI/Dialogic ADPCM, 4 bit         1         8000
//	16-bit linear                     1 or 2    8000, 16000, 44100, 48000
//
// Anything else is a [FormatError] that says what was found. A file whose audio
// is shorter than it claims is decoded as far as it goes and reported
// ([Info].Truncated).
//
// [Encode] writes a clip as a 16-bit linear, A-law or µ-law file; for files whose
// length is not known beforehand there is [Spec.OpenHeader].
//
// Sources: Multimedia Programming Interface and Data Specifications 1.0 (RIFF),
// Multimedia Data Standards Update (IMA and OKI ADPCM, extra format fields),
// IMA Recommended Practices for Enhancing Digital Audio Compatibility 3.00,
// RFC 2361 (format tags).
//
// All functions are safe for concurrent use.
package wav
