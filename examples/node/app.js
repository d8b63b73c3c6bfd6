// A web application for the media server, with the standard library only: it
// greets the caller, puts it into the room that is named by the called number,
// and says goodbye. In the room 1 mutes and unmutes, # leaves.
const http = require("node:http");

const say = (text) => ({ play: { play_list: [{ text_to_say: text }] } });

// room is the name of the room for a called number or address.
const room = (called) => "room-" + called.split("@")[0].replace(/[^A-Za-z0-9._-]/g, "");

// actions are what is to be done next, by the page that is asked.
function actions(page, info) {
  switch (page) {
    case "/first": // a call came
      return [
        say("Welcome. Press 1 to mute yourself, and the hash key to leave."),
        {
          connect_to_conference: {
            name: room(info.this_call.call_to),
            conference_participant: { mute_digit: "1", exit_digit: "#" },
            secondary_call: { first_page: "room/first", final_page: "room/final", error_page: "room/error" },
            next_page: "goodbye",
          },
        },
        say("The room cannot be reached."),
      ];
    case "/goodbye": // after the room
      return [say("Goodbye.")];
    default:
      return [];
  }
}

const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const info = JSON.parse(Buffer.concat(chunks));
  const call = info.this_call;
  console.log(request.url, "from", call.call_from, "to", call.call_to, call.call_cause ?? "", info.error_result?.result ?? "");
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ api_version: "2.0", actions: actions(request.url, info) }));
});

server.listen(Number(process.argv[2] ?? 8000), "127.0.0.1");
