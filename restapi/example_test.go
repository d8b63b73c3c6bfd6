package restapi_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mediaserver/restapi"
)

// A server with one service for every call to 1000. The handler of inbound
// calls is its method ServeCall.
func ExampleNewServer() {
	server, err := restapi.NewServer(restapi.Config{
		Services: []restapi.Service{{
			Name:       "demo",
			Match:      []string{"1000", "sip:*@conference.example"},
			APIVersion: restapi.Version2,
			FirstPage:  restapi.Page{URL: "http://127.0.0.1:8000/first"},
			ErrorPage:  restapi.Page{URL: "http://127.0.0.1:8000/error"},
		}},
		LogDirectory: "data/rest_logs",
		UserAgent:    "mediaserver/1.0",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(server.Wait(ctx)) // nothing runs
	// Output: <nil>
}

// What is wrong with a configuration is reported all at once.
func ExampleNewServer_badConfiguration() {
	_, err := restapi.NewServer(restapi.Config{Services: []restapi.Service{{Name: "demo", APIVersion: "3"}}})
	fmt.Println(errors.Is(err, restapi.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// restapi: bad configuration: service "demo": api_version "3" is neither "1" nor "2.0"
	// restapi: bad configuration: service "demo": first_page is missing
}

// Patterns are for the called user or the full address.
func ExampleService_Matches() {
	s := restapi.Service{Match: []string{"1000", "+44*", "sip:*@conference.example"}}
	fmt.Println(s.Matches("sip:1000@192.0.2.1:5060;transport=tcp"))
	fmt.Println(s.Matches("sip:+441908000100@192.0.2.1"))
	fmt.Println(s.Matches("sip:weekly@conference.example"))
	fmt.Println(s.Matches("sip:weekly@192.0.2.1"))
	// Output:
	// true
	// true
	// true
	// false
}
