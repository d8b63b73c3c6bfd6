// Package g711 is the codec of telephone audio, ITU-T G.711: 8000 samples per
// second of 8 bits, µ-law (PCMU) and A-law (PCMA).
//
// The mapping is, for all 65,536 samples of both laws, that of the ITU-T
// software tool library (G.191, ulaw_compress and alaw_compress): the magnitude
// of a sample of 16 bits, of a negative one its one's complement, is cut to the
// 13 bits (µ-law) or 12 bits (A-law) that the tables of the Recommendation are
// written for. Two consequences are worth knowing.
//
//   - A negative sample that lies exactly on a µ-law decision value, of which
//     there are 127, goes to the interval nearer to zero. Encoders that add
//     their bias in 16 bits put it into the other one. Within a segment both
//     outputs are equally far from the sample.
//   - At the first interval of a segment the decision value of the
//     Recommendation is not half way between the two outputs, so 0.8 % of the
//     samples get a µ-law code that is not the nearest, by at most 256.
//
// On amd64 sixteen samples are worked on at a time, elsewhere (and with the build
// tag purego) tables are looked up. The tests hold both, for all inputs, against
// the tables of the Recommendation, the text of the software tools, and
// github.com/zaf/g711.
//
// Everything here is safe for concurrent use, and nothing allocates.
package g711
