"""A web application for the media server, with the standard library only.

It greets the caller, puts it into the room that is named by the called number,
and says goodbye. In the room 1 mutes and unmutes, # leaves.
"""
import http.server
import json
import re
import sys


def say(text):
    return {"play": {"play_list": [{"text_to_say": text}]}}


def room(called):
    """The name of the room for a called number or address."""
    return "room-" + re.sub(r"[^A-Za-z0-9._-]", "", called.split("@")[0])


def actions(page, info):
    """What is to be done next, by the page that is asked."""
    if page == "/first":  # a call came
        return [
            say("Welcome. Press 1 to mute yourself, and the hash key to leave."),
            {"connect_to_conference": {
                "name": room(info["this_call"]["call_to"]),
                "conference_participant": {"mute_digit": "1", "exit_digit": "#"},
                "secondary_call": {"first_page": "room/first", "final_page": "room/final", "error_page": "room/error"},
                "next_page": "goodbye",
            }},
            say("The room cannot be reached."),
        ]
    if page == "/goodbye":  # after the room
        return [say("Goodbye.")]
    return []


class App(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        info = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call, error = info["this_call"], info.get("error_result", {})
        print(self.path, "from", call["call_from"], "to", call["call_to"],
              call.get("call_cause", ""), error.get("result", ""), flush=True)
        body = json.dumps({"api_version": "2.0", "actions": actions(self.path, info)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass  # do_POST says what matters


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
http.server.ThreadingHTTPServer(("127.0.0.1", port), App).serve_forever()
