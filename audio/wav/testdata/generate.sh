#!/bin/sh
# Makes the files of this directory with sox (Debian package sox, 14.4.2).
# A .s16 file is what sox decodes of the file of the same name: samples of 16
# bits, little endian, without a header. -D: no dither, -R: the same every time.
set -eu
cd "$(dirname "$0")"

# A sweep with rests, loud enough to make ADPCM work: 0.25 s, one channel, 8 kHz.
sox -R -D -n -r 8000 -c 1 -b 16 -e signed pcm16.wav synth 0.25 sine 200:3000 gain -3 fade t 0.02 0.25 0.05
for form in "alaw a-law 8" "ulaw u-law 8" "pcm8 unsigned 8" "ima ima-adpcm 4"; do
	set -- $form
	sox -R -D pcm16.wav -e "$2" -b "$3" "$1.wav"
done
sox -R -D pcm16.wav oki.vox
sox -R -D -t vox -r 8000 oki.vox -t raw -e signed -b 16 oki.s16
# What ADPCM does with input that it cannot follow: full-scale square waves.
sox -R -D -n -r 8000 -c 1 -b 16 -t raw - synth 0.1 square 440 gain 0 >hard.tmp
sox -R -D -t raw -r 8000 -c 1 -e signed -b 16 hard.tmp hard.vox
sox -R -D -t raw -r 8000 -c 1 -e signed -b 16 hard.tmp -e ima-adpcm hard-ima.wav
sox -R -D -t vox -r 8000 hard.vox -t raw -e signed -b 16 hard.s16
rm hard.tmp
for name in pcm16 alaw ulaw pcm8 ima hard-ima; do
	sox -R -D "$name.wav" -t raw -e signed -b 16 "$name.s16"
done
# Wideband: a tone on the left, another on the right.
for rate in 16000 44100 48000; do
	sox -R -D -n -r "$rate" -b 16 "stereo-$rate.wav" synth 0.1 sine 500 sine 2000 gain -6
done
sox -R -D -n -r 16000 -c 1 -b 24 pcm24.wav synth 0.01 sine 500
sox -R -D -n -r 8000 -c 1 -e float -b 32 float.wav synth 0.01 sine 500
sox -R -D -n -r 8000 -c 1 -e ms-adpcm msadpcm.wav synth 0.05 sine 500
sox -R -D -n -r 8000 -c 1 -e gsm gsm.wav synth 0.05 sine 500
