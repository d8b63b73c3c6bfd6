//go:build !purego

#include "textflag.h"

// All instructions are of SSE2, which every amd64 has. Samples are taken eight at
// a time, 16 bytes.

// Samples in x are widened to 32 bits, the first four in y, the others in x: they
// come into the upper half of a lane and are shifted down with their sign. In the
// lower half is x itself, too: another register would have to be waited for.
#define WIDEN(x, y) \
	MOVO      x, y;   \
	PUNPCKLWL x, y;   \
	PUNPCKHWL x, x;   \
	PSRAL     $16, y; \
	PSRAL $16, x

// func energyOf(s []int16) uint64
TEXT ·energyOf(SB), NOSPLIT, $0-32
	MOVQ s_base+0(FP), SI
	MOVQ s_len+8(FP), CX
	SHRQ $3, CX
	PXOR X0, X0
	PXOR X7, X7
	JMP  test

next:
	MOVOU     (SI), X1
	PMADDWL   X1, X1 // four sums of two squares, at most 2^31
	MOVO      X1, X2
	PUNPCKLLQ X7, X1
	PUNPCKHLQ X7, X2
	PADDQ     X2, X1
	PADDQ     X1, X0
	ADDQ      $16, SI
	DECQ      CX

test:
	TESTQ CX, CX
	JNZ   next
	MOVO  X0, X1
	PSRLO $8, X1
	PADDQ X1, X0
	MOVQ  X0, ret+24(FP)
	RET

// func setTo(acc []int32, s []int16)
TEXT ·setTo(SB), NOSPLIT, $0-48
	MOVQ acc_base+0(FP), DI
	MOVQ s_base+24(FP), SI
	MOVQ s_len+32(FP), CX
	SHRQ $3, CX
	JMP  test

next:
	MOVOU (SI), X1
	WIDEN(X1, X2)
	MOVOU X2, (DI)
	MOVOU X1, 16(DI)
	ADDQ  $16, SI
	ADDQ  $32, DI
	DECQ  CX

test:
	TESTQ CX, CX
	JNZ   next
	RET

// func addTo(acc []int32, s []int16)
TEXT ·addTo(SB), NOSPLIT, $0-48
	MOVQ acc_base+0(FP), DI
	MOVQ s_base+24(FP), SI
	MOVQ s_len+32(FP), CX
	SHRQ $3, CX
	JMP  test

next:
	MOVOU (SI), X1
	WIDEN(X1, X2)
	MOVOU (DI), X4
	MOVOU 16(DI), X5
	PADDL X2, X4
	PADDL X1, X5
	MOVOU X4, (DI)
	MOVOU X5, 16(DI)
	ADDQ  $16, SI
	ADDQ  $32, DI
	DECQ  CX

test:
	TESTQ CX, CX
	JNZ   next
	RET

// Sums in x and y become samples in x. What is beyond 16 bits of any of them,
// 2^15 added, goes into the upper halves of X9. X8 is 2^15; z and w are lost.
#define NARROW(x, y, z, w) \
	MOVO     x, z;  \
	MOVO     y, w;  \
	PADDL    X8, z; \
	PADDL    X8, w; \
	POR      w, z;  \
	POR      z, X9; \
	PACKSSLW y, x

#define NARROWBEGIN \
	MOVL   $0x8000, AX; \
	MOVQ   AX, X8;      \
	PSHUFD $0, X8, X8;  \
	PXOR X9, X9

// AX is all ones if all sums have fitted.
#define NARROWEND \
	PSRLL    $16, X9;  \
	PXOR     X7, X7;   \
	PCMPEQL  X7, X9;   \
	PMOVMSKB X9, AX;   \
	CMPL AX, $0xFFFF

// func narrowOf(dst []int16, acc []int32) bool
TEXT ·narrowOf(SB), NOSPLIT, $0-49
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), CX
	MOVQ acc_base+24(FP), SI
	LEAQ -8(CX), DX // where the last lanes begin: some samples are done twice
	XORL BX, BX
	NARROWBEGIN

next:
	MOVOU (SI)(BX*4), X4
	MOVOU 16(SI)(BX*4), X5
	NARROW(X4, X5, X6, X7)
	MOVOU X4, (DI)(BX*2)
	ADDQ  $8, BX
	CMPQ  BX, DX
	JLE   next
	CMPQ  BX, CX
	JGE   done
	MOVQ  DX, BX
	JMP   next

done:
	NARROWEND
	SETEQ ret+48(FP)
	RET

// func narrowMinusOf(dst []int16, acc []int32, own []int16) bool
TEXT ·narrowMinusOf(SB), NOSPLIT, $0-73
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), CX
	MOVQ acc_base+24(FP), SI
	MOVQ own_base+48(FP), R8
	LEAQ -8(CX), DX // where the last lanes begin: some samples are done twice
	XORL BX, BX
	NARROWBEGIN

next:
	MOVOU (R8)(BX*2), X1
	WIDEN(X1, X2)
	MOVOU (SI)(BX*4), X4
	MOVOU 16(SI)(BX*4), X5
	PSUBL X2, X4
	PSUBL X1, X5
	NARROW(X4, X5, X6, X7)
	MOVOU X4, (DI)(BX*2)
	ADDQ  $8, BX
	CMPQ  BX, DX
	JLE   next
	CMPQ  BX, CX
	JGE   done
	MOVQ  DX, BX
	JMP   next

done:
	NARROWEND
	SETEQ ret+72(FP)
	RET
