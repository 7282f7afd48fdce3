<?php
// The emulator runs: npx waba-emulator --tls off
declare(strict_types=1);

const NUMBER = '16315551000';
const ANA = '16505551234';
$api = getenv('EMULATOR_API') ?: 'http://localhost:9090';
$control = getenv('EMULATOR_CONTROL') ?: 'http://127.0.0.1:9091/control/v1';

/** Throws if the answer is no success. */
function post(string $url, array $body, string $authorization = ''): mixed
{
    $http = [
        'method' => 'POST',
        'header' => "content-type: application/json\r\nauthorization: $authorization",
        'content' => json_encode((object) $body),
        'ignore_errors' => true,
    ];
    $answer = file_get_contents($url, false, stream_context_create(['http' => $http]));
    if ($answer === false || !preg_match('/^HTTP\S+ 2/', $http_response_header[0]))
        throw new RuntimeException("$url: $answer");
    return json_decode($answer, true);
}

post("$control/reset", []);
post("$control/numbers/" . NUMBER . '/messages', ['from' => ANA, 'text' => 'Are you open?']);

// This is what your application does.
$login = post("$api/v1/users/login", [], 'Basic ' . base64_encode('admin:Emulator-1'));
$message = ['to' => ANA, 'type' => 'text', 'text' => ['body' => 'We are.']];
$sent = post("$api/v1/messages", $message, 'Bearer ' . $login['users'][0]['token']);

$read = ['statuses' => [['id' => $sent['messages'][0]['id'], 'status' => 'read']]];
post("$control/callbacks/expect", ['matching' => $read]);
echo "Ana has read the answer\n";
