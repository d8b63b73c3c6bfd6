package golden

import (
	"testing"
)

// TestEveryExitOfADestroyerDestroys has R enter a room of P and Q and leave it
// before it is connected, or by an interrupt.
func TestEveryExitOfADestroyerDestroys(t *testing.T) {
	for name, tt := range map[string]struct {
		first page
		leave func(w *world)
		asked []string
	}{
		"the first page is abandoned": {
			first: page2(second, answer(dict{"hang_up": dict{}})),
			asked: []string{"first", "sfirst", "sfinal", "final"},
		},
		"the first page fails": {
			first: page{delay: second, status: 500},
			asked: []string{"first", "sfirst", "serror", "sfinal", "final"},
		},
		"an interrupt": {
			leave: func(w *world) {
				w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(r), "redirect_page", "http://app.test/elsewhere")
			},
			asked: []string{"first", "sfirst", "sfinal", "elsewhere", "final"},
		},
		"an interrupt without a page": {
			leave: func(w *world) { w.ask("rest_interrupt", "application_instance_ids", w.instanceOf(r)) },
			asked: []string{"first", "sfirst", "sfinal", "final"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, options{}, func(w *world) {
				for _, n := range []string{p, q} {
					w.on("first@"+n, answer(endPages("room", quiet())))
					w.dial(n, phoneOptions{})
				}
				w.on("first@"+r, answer(allPages("room", quiet(dict{"destroy_on_exit": true}))))
				w.page("sfirst", tt.first)
				w.at(2 * second)
				w.dial(r, phoneOptions{})
				w.at(5 * second)
				if tt.leave != nil {
					w.wantAsked(p, "first")
					tt.leave(w)
				}
				w.at(7 * second)
				for _, n := range []string{p, q} {
					w.wantAsked(n, "first", "sfinal", "next", "final")
					wantValue(t, w.request("sfinal", n).info, "hung_up", "this_call", "call_cause")
				}
				w.wantAsked(r, tt.asked...)
			})
		})
	}
}

func TestDestructionIsNotAnnounced(t *testing.T) {
	run(t, options{}, func(w *world) {
		left := announcer(w, "name", "has_left_message")
		leaver := announcer(w, "name", "has_left_message")
		leaver["destroy_on_exit"] = true
		w.on("first@"+q, answer(join("room", left), dict{"sleep": dict{"seconds": 5}}))
		w.on("first@"+p, answer(join("room", left), dict{"sleep": dict{"seconds": 5}}))
		w.on("first@"+r, answer(join("room", leaver)))
		a, b, c := w.dial(p, phoneOptions{}), w.dial(q, phoneOptions{}), w.dial(r, phoneOptions{})
		silent(a, b, c)
		w.at(4 * second)
		c.hangUp()
		w.at(8 * second)
		for _, x := range []*phone{a, b} {
			x.hearsSilence(4100*milli, 8*second)
		}
	})
}

// TestNameOfADestroyedRoomIsThatOfANewOneAtOnce enters while those who were in
// the old one are still being seen off.
func TestNameOfADestroyedRoomIsThatOfANewOneAtOnce(t *testing.T) {
	run(t, options{}, func(w *world) {
		w.page("sfinal", page2(3*second, ""))
		w.on("first@"+p, answer(endPages("room", quiet())))
		w.on("first@"+q, answer(join("room", quiet(dict{"destroy_on_exit": true}))))
		w.dial(p, phoneOptions{}).say(toneP)
		leaver := w.dial(q, phoneOptions{})
		w.at(2900 * milli)
		leaver.hangUp()
		w.at(3 * second)
		a := meetAnew(w)
		a.hearsNot(toneP, 3*second, 5*second)
		w.wantAsked(p, "first", "sfinal")
		w.wantAsked("400", "first")
	})
}
