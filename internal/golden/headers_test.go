package golden

import (
	"testing"

	"mediaserver/restapi"
)

func TestAnswerCarriesExtraHeaders(t *testing.T) {
	early := func(s *restapi.Service) { s.EarlyMedia = true }
	run(t, options{service: early}, func(w *world) {
		w.on("first", answer(dict{"answer": dict{"extra_sip_headers": []dict{{"name": "X-Ticket", "value": "4711"}}}}, dict{"sleep": dict{"seconds": 1}}))
		a := w.dial(p, phoneOptions{})
		w.at(2 * second)
		if len(a.headers) != 1 || a.headers[0].Name != "X-Ticket" || a.headers[0].Value != "4711" {
			t.Errorf("answered with %v", a.headers)
		}
	})
}
