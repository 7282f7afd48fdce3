// The emulator runs: npx waba-emulator --tls off
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;
import java.util.regex.Pattern;

class AnswerTest {
    static final String API = address("EMULATOR_API", "http://localhost:9090");
    static final String CONTROL = address("EMULATOR_CONTROL", "http://127.0.0.1:9091/control/v1");
    static final String NUMBER = "16315551000";
    static final String ANA = "16505551234";
    static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        post(CONTROL + "/reset", "", "{}");
        post(CONTROL + "/numbers/" + NUMBER + "/messages", "",
            "{\"from\": \"%s\", \"text\": \"Are you open?\"}".formatted(ANA));

        // This is what your application does.
        var admin = Base64.getEncoder().encodeToString("admin:Emulator-1".getBytes());
        var token = field("token", post(API + "/v1/users/login", "Basic " + admin, "{}"));
        var sent = field("id", post(API + "/v1/messages", "Bearer " + token,
            "{\"to\": \"%s\", \"type\": \"text\", \"text\": {\"body\": \"We are.\"}}".formatted(ANA)));

        post(CONTROL + "/callbacks/expect", "",
            "{\"matching\": {\"statuses\": [{\"id\": \"%s\", \"status\": \"read\"}]}}".formatted(sent));
        System.out.println("Ana has read the answer");
    }

    /** Throws if the answer is no success. */
    static String post(String url, String authorization, String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url))
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        var answer = HTTP.send(request, BodyHandlers.ofString());
        if (answer.statusCode() >= 300) throw new IllegalStateException(url + ": " + answer.body());
        return answer.body();
    }

    /** Your tests have a library for JSON. */
    static String field(String name, String json) {
        var found = Pattern.compile("\"" + name + "\":\"([^\"]+)\"").matcher(json);
        if (!found.find()) throw new IllegalStateException("no " + name + " in " + json);
        return found.group(1);
    }

    static String address(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
