<?php
// A web application for the media server in plain PHP: it greets the caller,
// puts it into the room that is named by the called number, and says goodbye.
// In the room 1 mutes and unmutes, # leaves.

function say(string $text): array
{
    return ["play" => ["play_list" => [["text_to_say" => $text]]]];
}

// The name of the room for a called number or address.
function room(string $called): string
{
    return "room-" . preg_replace("/[^A-Za-z0-9._-]/", "", explode("@", $called)[0]);
}

// What is to be done next, by the page that is asked.
function actions(string $page, array $info): array
{
    switch ($page) {
        case "/first": // a call came
            return [
                say("Welcome. Press 1 to mute yourself, and the hash key to leave."),
                ["connect_to_conference" => [
                    "name" => room($info["this_call"]["call_to"]),
                    "conference_participant" => ["mute_digit" => "1", "exit_digit" => "#"],
                    "secondary_call" => ["first_page" => "room/first", "final_page" => "room/final", "error_page" => "room/error"],
                    "next_page" => "goodbye",
                ]],
                say("The room cannot be reached."),
            ];
        case "/goodbye": // after the room
            return [say("Goodbye.")];
        default:
            return [];
    }
}

$page = parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH);
$info = json_decode(file_get_contents("php://input"), true, 512, JSON_THROW_ON_ERROR);
$call = $info["this_call"];
error_log("$page from {$call["call_from"]} to {$call["call_to"]} " . ($call["call_cause"] ?? "") . " " . ($info["error_result"]["result"] ?? ""));
header("Content-Type: application/json");
echo json_encode(["api_version" => "2.0", "actions" => actions($page, $info)]);
