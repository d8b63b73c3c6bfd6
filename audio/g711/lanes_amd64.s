//go:build !purego

#include "textflag.h"

// All instructions are of SSE2, which every amd64 has. Samples are taken eight
// to a register, two registers at a time, codes sixteen to a register. Segment
// and interval of a magnitude are the upper bits of the floating-point number
// it makes, so that there is no table to be in the cache, nor a bit to look for.

// What eight words of a register are to be.
#define EIGHT(value, x) \
	MOVL   $(value*0x10001), AX; \
	MOVQ   AX, x;                \
	PSHUFD $0, x, x

// Samples in x become magnitudes: what is left without the sign. In sign all
// bits of a negative one are set.
#define MAGNITUDE(x, sign) \
	MOVO  x, sign;   \
	PSRAW $15, sign; \
	PXOR  sign, x

// What INTERVAL finds for a magnitude of 2^7: exponent 134, and 4 bits more.
#define FIRST 2144

// Magnitudes in x become segment and interval, below 0 for less than 8 bits.
// X14 is 0, X15 FIRST; y is lost.
#define INTERVAL(x, y) \
	MOVO      x, y;     \
	PUNPCKLWL X14, x;   \
	PUNPCKHWL X14, y;   \
	CVTPL2PS  x, x;     \
	CVTPL2PS  y, y;     \
	PSRLL     $19, x;   \
	PSRLL     $19, y;   \
	PACKSSLW  y, x;     \
	PSUBW     X15, x

// Segments, intervals and signs of twice eight samples become codes at DI. X12
// has the bit of the sign in every byte, X13 the bits to be inverted.
#define CODES(x0, x1, sign0, sign1) \
	PACKUSWB x1, x0;       \
	PACKSSWB sign1, sign0; \
	PAND     X12, sign0;   \
	POR      sign0, x0;    \
	PXOR     X13, x0;      \
	MOVOU    x0, (DI)

// func encodeULaw(dst []byte, src []int16)
TEXT ·encodeULaw(SB), NOSPLIT, $0-48
	MOVQ    dst_base+0(FP), DI
	MOVQ    src_base+24(FP), SI
	MOVQ    src_len+32(FP), CX
	SHRQ    $4, CX
	EIGHT(132, X11)
	EIGHT(0x8080, X12)
	PCMPEQL X13, X13
	PXOR    X14, X14
	EIGHT(FIRST, X15)
	JMP     test

next:
	MOVOU  (SI), X0
	MOVOU  16(SI), X1
	MAGNITUDE(X0, X2)
	MAGNITUDE(X1, X3)
	PADDSW X11, X0 // at most 2^15-1
	PADDSW X11, X1
	INTERVAL(X0, X4)
	INTERVAL(X1, X5)
	CODES(X0, X1, X2, X3)
	ADDQ   $32, SI
	ADDQ   $16, DI
	DECQ   CX

test:
	TESTQ CX, CX
	JNZ   next
	RET

// The first segment of A-law, whose magnitudes have 8 bits or less, is their
// upper 4. To all others this gives the largest that is none of theirs. x has
// magnitudes, y their segments and intervals, X11 16.
#define LINEAR(x, y) \
	PSRLW  $4, x;  \
	PMINSW X11, x; \
	PMAXSW y, x

// func encodeALaw(dst []byte, src []int16)
TEXT ·encodeALaw(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), CX
	SHRQ $4, CX
	EIGHT(16, X11)
	EIGHT(0x8080, X12)
	EIGHT(0xD5D5, X13)
	PXOR X14, X14
	EIGHT(FIRST, X15)
	JMP  test

next:
	MOVOU (SI), X0
	MOVOU 16(SI), X1
	MAGNITUDE(X0, X2)
	MAGNITUDE(X1, X3)
	MOVO  X0, X6
	MOVO  X1, X7
	INTERVAL(X6, X4)
	INTERVAL(X7, X5)
	LINEAR(X0, X6)
	LINEAR(X1, X7)
	CODES(X0, X1, X2, X3)
	ADDQ  $32, SI
	ADDQ  $16, DI
	DECQ  CX

test:
	TESTQ CX, CX
	JNZ   next
	RET

// Eight codes, one in the upper half of each word of x, become segments and
// intervals in the upper half of a floating-point number, without its exponent;
// their signs as in MAGNITUDE. X15 is 0x7F00.
#define SPLIT(x, sign) \
	MOVO  x, sign;   \
	PSRAW $15, sign; \
	PAND  X15, x;    \
	PSRLW $5, x

// Segments and intervals in y become magnitudes in x, in the middle of their
// intervals, by the exponent of the first segment and the bit after those of the
// interval in X14. y is lost.
#define MIDDLE(y, z, x) \
	PADDW     X14, y;  \
	PXOR      x, x;    \
	PXOR      z, z;    \
	PUNPCKLWL y, x;    \
	PUNPCKHWL y, z;    \
	CVTTPS2PL x, x;    \
	CVTTPS2PL z, z;    \
	PACKSSLW  z, x

// Magnitudes in x become samples.
#define SIGNED(x, sign) \
	PXOR  sign, x; \
	PSUBW sign, x

// Sixteen codes at SI, inverted by X13, are split: segments and intervals in X0 and
// X1, signs in X2 and X3.
#define TAKE \
	MOVOU     (SI), X1; \
	PXOR      X13, X1;  \
	PXOR      X0, X0;   \
	PUNPCKLBW X1, X0;   \
	PUNPCKHBW X1, X1;   \
	SPLIT(X0, X2);      \
	SPLIT(X1, X3)

// Magnitudes in X4 and X5, with the signs in X2 and X3, become samples at DI.
#define GIVE \
	SIGNED(X4, X2);  \
	SIGNED(X5, X3);  \
	MOVOU X4, (DI);  \
	MOVOU X5, 16(DI)

// func decodeULaw(dst []int16, src []byte)
TEXT ·decodeULaw(SB), NOSPLIT, $0-48
	MOVQ    dst_base+0(FP), DI
	MOVQ    src_base+24(FP), SI
	MOVQ    src_len+32(FP), CX
	SHRQ    $4, CX
	EIGHT(132, X12)
	PCMPEQL X13, X13
	EIGHT(0x4304, X14)
	EIGHT(0x7F00, X15)
	JMP     test

next:
	TAKE
	MIDDLE(X0, X6, X4)
	MIDDLE(X1, X7, X5)
	PSUBW     X12, X4
	PSUBW     X12, X5
	GIVE
	ADDQ      $16, SI
	ADDQ      $32, DI
	DECQ      CX

test:
	TESTQ CX, CX
	JNZ   next
	RET

// The first segment of A-law is the second less 256. What is in it, in x as
// SPLIT leaves it, becomes the second. first is 128 for these, else 0; X12 128.
#define FIRSTTOSECOND(x, first) \
	MOVO    X12, first; \
	PCMPGTW x, first;   \
	PAND    X12, first; \
	PADDW   first, x

// func decodeALaw(dst []int16, src []byte)
TEXT ·decodeALaw(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ src_base+24(FP), SI
	MOVQ src_len+32(FP), CX
	SHRQ $4, CX
	EIGHT(128, X12)
	EIGHT(0xD5D5, X13)
	EIGHT(0x4304, X14)
	EIGHT(0x7F00, X15)
	JMP  test

next:
	TAKE
	FIRSTTOSECOND(X0, X8)
	FIRSTTOSECOND(X1, X9)
	MIDDLE(X0, X6, X4)
	MIDDLE(X1, X7, X5)
	PADDW     X8, X8
	PADDW     X9, X9
	PSUBW     X8, X4
	PSUBW     X9, X5
	GIVE
	ADDQ      $16, SI
	ADDQ      $32, DI
	DECQ      CX

test:
	TESTQ CX, CX
	JNZ   next
	RET
