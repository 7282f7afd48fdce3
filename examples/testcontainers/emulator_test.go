// Needs Docker, and the image: docker build --target emulator -t waba-emulator .
package shop

import (
	"net/http"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

func TestEmulator(t *testing.T) {
	emulator, err := testcontainers.Run(t.Context(), "waba-emulator:latest",
		testcontainers.WithCmd("laptop", "--host", "0.0.0.0", "--tls", "off"),
		testcontainers.WithExposedPorts("9090/tcp", "9091/tcp"),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/healthz").WithPort("9091/tcp")),
	)
	testcontainers.CleanupContainer(t, emulator)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := emulator.PortEndpoint(t.Context(), "9091/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	control := endpoint + "/control/v1"
	answer, err := http.Post(control+"/reset", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode >= 300 {
		t.Fatal(answer.Status)
	}
}
