#!/bin/sh
# The emulator runs: npx waba-emulator
set -eu
API=${EMULATOR_API:-https://localhost:9090}
CONTROL=${EMULATOR_CONTROL:-http://127.0.0.1:9091/control/v1}
PASSWORD=Emulator-1
curl -sf "${CONTROL%/control/v1}/ca.pem" > ca.pem
TOKEN=$(curl -sf --cacert ca.pem -X POST -u "admin:$PASSWORD" "$API/v1/users/login" | sed 's/.*"token":"\([^"]*\)".*/\1/')

# Ana writes; for the next 24 hours the business may answer with any message
curl -sf -X POST "$CONTROL/numbers/16315551000/messages" -H 'content-type: application/json' \
  -d '{"from":"16505551234","text":"Are you open?","profileName":"Ana"}'

curl -sf --cacert ca.pem "$API/v1/messages" -H "Authorization: Bearer $TOKEN" \
  -d '{"to":"16505551234","type":"text","text":{"body":"We are."}}'

# A picture: upload, then send by id
ID=$(curl -sf --cacert ca.pem "$API/v1/media" -H "Authorization: Bearer $TOKEN" -H 'content-type: image/png' \
  --data-binary @shop.png | sed 's/.*"id":"\([^"]*\)".*/\1/')
curl -sf --cacert ca.pem "$API/v1/messages" -H "Authorization: Bearer $TOKEN" \
  -d "{\"to\":\"16505551234\",\"type\":\"image\",\"image\":{\"id\":\"$ID\",\"caption\":\"Our shop\"}}"
