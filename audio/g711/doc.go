// Package g711 is the codec of telephone audio, ITU-T G.711: 8000 samples per
// second of 8 bits, µ-law (PCMU) and A-law (PCMA).
//
// The mapping is bit for bit that of the ITU-T software tool library (G.191,
// ulaw_compress and alaw_compress): the 16-bit sample is cut to 14 bits (µ-law)
// or 13 bits (A-law), negative values by one's complement. Encoding and
// decoding are table look-ups; the tables are made of the functions of
// github.com/zaf/g711 and proven against the Recommendation for all 65,536
// samples.
//
// Everything here is safe for concurrent use, and nothing allocates.
package g711
