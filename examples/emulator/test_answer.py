# The emulator runs: npx waba-emulator --tls off
import base64
import json
import os
import unittest
from urllib.request import Request, urlopen

API = os.environ.get("EMULATOR_API", "http://localhost:9090")
CONTROL = os.environ.get("EMULATOR_CONTROL", "http://127.0.0.1:9091/control/v1")
NUMBER = "16315551000"
ANA = "16505551234"


def post(url, body, authorization=""):
    """An answer that is no success raises HTTPError."""
    headers = {"content-type": "application/json", "authorization": authorization}
    with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=10) as answer:
        return json.loads(answer.read() or "null")


class AnswerTest(unittest.TestCase):
    def setUp(self):
        post(f"{CONTROL}/reset", {})

    def test_customer_reads_the_answer(self):
        post(f"{CONTROL}/numbers/{NUMBER}/messages", {"from": ANA, "text": "Are you open?"})

        # This is what your application does.
        admin = base64.b64encode(b"admin:Emulator-1").decode()
        token = post(f"{API}/v1/users/login", {}, f"Basic {admin}")["users"][0]["token"]
        message = {"to": ANA, "type": "text", "text": {"body": "We are."}}
        sent = post(f"{API}/v1/messages", message, f"Bearer {token}")["messages"][0]["id"]

        post(f"{CONTROL}/callbacks/expect", {"matching": {"statuses": [{"id": sent, "status": "read"}]}})


if __name__ == "__main__":
    unittest.main()
