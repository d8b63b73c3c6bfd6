package generator

import (
	"testing"
)

func TestParticipantsAreSpreadEvenly(t *testing.T) {
	const n, threads, sockets = 4000, 2, 16
	perSlot := map[[2]int]int{}
	perSocket := map[[3]int]int{}
	for i := range n {
		thread, slot, socket := place(i, threads, sockets)
		if thread < 0 || thread >= threads || slot < 0 || slot >= slots || socket < 0 || socket >= sockets {
			t.Fatalf("participant %d is in thread %d, slot %d, socket %d", i, thread, slot, socket)
		}
		perSlot[[2]int{thread, slot}]++
		perSocket[[3]int{thread, slot, socket}]++
	}
	for at, got := range perSlot {
		if got != n/threads/slots {
			t.Errorf("thread and slot %v have %d participants", at, got)
		}
	}
	for at, got := range perSocket {
		if even := n / threads / slots / sockets; got < even || got > even+1 {
			t.Errorf("thread, slot and socket %v have %d participants", at, got)
		}
	}
}

func TestNeighboursAreNotInTheSameSlot(t *testing.T) {
	for i := range 100 {
		_, a, _ := place(i, 1, 16)
		_, b, _ := place(i+1, 1, 16)
		if distance := (b - a + slots) % slots; distance != 7 {
			t.Fatalf("participants %d and %d are %d slots apart", i, i+1, distance)
		}
	}
}

func TestAddressesLeadBack(t *testing.T) {
	for _, n := range []int{0, 255, 256, 65535, 65536, MaxParticipants - 1} {
		if got, ok := participant(address(n).As4()); !ok || got != n {
			t.Errorf("%v is of participant %d, %v; want %d", address(n), got, ok, n)
		}
	}
	for _, ip := range [][4]byte{{127, 0, 0, 1}, {127, 32, 0, 0}, {10, 0, 0, 1}} {
		if n, ok := participant(ip); ok {
			t.Errorf("%v is of participant %d", ip, n)
		}
	}
}

func TestEachPeriodHasOneBurst(t *testing.T) {
	for n := range 5 {
		loud, begun := 0, 0
		for frame := range uint32(burstPeriod) {
			isLoud, first := bursting(n, frame)
			if isLoud {
				loud++
			}
			if first {
				begun++
				if _, again := bursting(n, frame+1); again || !isLoud {
					t.Errorf("probe %d begins at %d and at the next, or in silence", n, frame)
				}
			}
		}
		if loud != burstLength || begun != 1 {
			t.Errorf("probe %d is loud in %d frames, from %d beginnings", n, loud, begun)
		}
	}
}

func TestASlotHasRoomForItsParticipants(t *testing.T) {
	for _, capacity := range []int{1, 19, 20, 21, 39, 40, 41, 399, 4000} {
		for threads := 1; threads <= 3; threads++ {
			cfg, perSlot := Config{Capacity: capacity, Threads: threads}, map[[2]int]int{}
			for n := range capacity {
				thread, slot, _ := place(n, threads, 1)
				if perSlot[[2]int{thread, slot}]++; perSlot[[2]int{thread, slot}] > cfg.slotSize() {
					t.Fatalf("%d participants, %d threads: more than %d in a slot", capacity, threads, cfg.slotSize())
				}
			}
		}
	}
}
