package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// delay is how many messages of 20 ms the echo waits.
const delay = 25

func main() {
	address := flag.String("listen", "localhost:8443", "where to listen")
	cert := flag.String("cert", "cert.pem", "certificate (PEM)")
	key := flag.String("key", "key.pem", "its private key (PEM)")
	flag.Parse()
	server := &http.Server{Addr: *address, Handler: http.HandlerFunc(serve), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServeTLS(*cert, *key))
}

// serve is one call.
func serve(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"v2.ws.cloud.aculab.com"}})
	if err != nil {
		log.Print(err)
		return
	}
	defer ws.CloseNow()
	if err := talk(r.Context(), ws); err != nil {
		log.Print("the call has ended: ", err)
	}
}

// talk answers and speaks until the caller hangs up.
func talk(ctx context.Context, ws *websocket.Conn) error {
	var heard [][]byte
	for {
		kind, data, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText {
			if over, err := obey(ctx, ws, data); over || err != nil {
				return err
			}
			continue
		}
		if heard = append(heard, data); len(heard) <= delay {
			continue
		}
		if err := ws.Write(ctx, websocket.MessageBinary, heard[0]); err != nil {
			return err
		}
		heard = heard[1:]
	}
}

// obey does what a text message is about.
func obey(ctx context.Context, ws *websocket.Conn, text []byte) (over bool, err error) {
	var m struct {
		Type   string `json:"type"`
		CallID string `json:"call_id"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return false, err
	}
	switch m.Type {
	case "start":
		log.Print("call ", m.CallID)
		return false, ws.Write(ctx, websocket.MessageText, []byte(`{"type":"answer"}`))
	case "digit":
		return false, ws.Write(ctx, websocket.MessageText, text)
	}
	return m.Type == "hang_up", nil
}
