//go:build !purego

#include "textflag.h"

// Of the instructions, all are of SSE2, which every amd64 has. Samples are taken
// eight at a time, 16 bytes; they are widened to 32 bits by putting them into
// the upper half of a lane and shifting it down with its sign.

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
	PADDQ     X1, X0
	PADDQ     X2, X0
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

// func addTo(acc []int32, s []int16)
TEXT ·addTo(SB), NOSPLIT, $0-48
	MOVQ acc_base+0(FP), DI
	MOVQ s_base+24(FP), SI
	MOVQ s_len+32(FP), CX
	SHRQ $3, CX
	JMP  test

next:
	MOVOU     (SI), X1
	PUNPCKLWL X1, X2
	PUNPCKHWL X1, X3
	PSRAL     $16, X2
	PSRAL     $16, X3
	MOVOU     (DI), X4
	MOVOU     16(DI), X5
	PADDL     X2, X4
	PADDL     X3, X5
	MOVOU     X4, (DI)
	MOVOU     X5, 16(DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	DECQ      CX

test:
	TESTQ CX, CX
	JNZ   next
	RET

// func narrowMinusOf(dst []int16, acc []int32, own []int16) bool
TEXT ·narrowMinusOf(SB), NOSPLIT, $0-73
	MOVQ   dst_base+0(FP), DI
	MOVQ   acc_base+24(FP), SI
	MOVQ   own_base+48(FP), DX
	MOVQ   own_len+56(FP), CX
	SHRQ   $3, CX
	MOVL   $0x8000, AX
	MOVQ   AX, X8
	PSHUFD $0, X8, X8
	PXOR   X9, X9 // what is beyond 16 bits of any difference, plus 2^15
	JMP    test

next:
	MOVOU     (DX), X1
	PUNPCKLWL X1, X2
	PUNPCKHWL X1, X3
	PSRAL     $16, X2
	PSRAL     $16, X3
	MOVOU     (SI), X4
	MOVOU     16(SI), X5
	PSUBL     X2, X4
	PSUBL     X3, X5
	MOVO      X4, X6
	MOVO      X5, X7
	PADDL     X8, X6
	PADDL     X8, X7
	POR       X6, X9
	POR       X7, X9
	PACKSSLW  X5, X4
	MOVOU     X4, (DI)
	ADDQ      $16, DX
	ADDQ      $32, SI
	ADDQ      $16, DI
	DECQ      CX

test:
	TESTQ    CX, CX
	JNZ      next
	PSRLL    $16, X9
	PXOR     X7, X7
	PCMPEQL  X7, X9
	PMOVMSKB X9, AX
	CMPL     AX, $0xFFFF
	SETEQ    ret+72(FP)
	RET
