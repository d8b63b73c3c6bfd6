//go:build !race

#include "textflag.h"

// func store(p *atomic.Uint64, v uint64)
TEXT ·store(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD v+8(FP), R1
	STLR R1, (R0)
	RET

// func store32(p *atomic.Uint32, v uint32)
TEXT ·store32(SB), NOSPLIT, $0-12
	MOVD  p+0(FP), R0
	MOVWU v+8(FP), R1
	STLRW R1, (R0)
	RET
