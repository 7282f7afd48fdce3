// The emulator runs: npx waba-emulator --tls off
package answer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"
)

const number, ana = "16315551000", "16505551234"

var (
	api     = address("EMULATOR_API", "http://localhost:9090")
	control = address("EMULATOR_CONTROL", "http://127.0.0.1:9091/control/v1")
)

type object = map[string]any

func address(name, otherwise string) string {
	if set := os.Getenv(name); set != "" {
		return set
	}
	return otherwise
}

// post ends the test if the answer is no success.
func post(t *testing.T, url, authorization string, body object, answer any) {
	t.Helper()
	text, _ := json.Marshal(body)
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	if response.StatusCode >= 300 {
		t.Fatalf("%s: %s %s", url, response.Status, said)
	}
	if answer != nil {
		if err := json.Unmarshal(said, answer); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCustomerReadsTheAnswer(t *testing.T) {
	post(t, control+"/reset", "", object{}, nil)
	post(t, control+"/numbers/"+number+"/messages", "", object{"from": ana, "text": "Are you open?"}, nil)

	// This is what your application does.
	var login struct{ Users []struct{ Token string } }
	admin := base64.StdEncoding.EncodeToString([]byte("admin:Emulator-1"))
	post(t, api+"/v1/users/login", "Basic "+admin, object{}, &login)
	var sent struct{ Messages []struct{ ID string } }
	message := object{"to": ana, "type": "text", "text": object{"body": "We are."}}
	post(t, api+"/v1/messages", "Bearer "+login.Users[0].Token, message, &sent)

	read := object{"statuses": []object{{"id": sent.Messages[0].ID, "status": "read"}}}
	post(t, control+"/callbacks/expect", "", object{"matching": read}, nil)
}
