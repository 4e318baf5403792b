#!/usr/bin/env bash
# The whole story in the terminal: signed GitHub events arrive, are filtered, and are consumed.
#
# Starts a gateway of its own on free loopback ports with a fresh data folder, and stops it again.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

. ../story.sh
needs curl python3
pretty() { python3 -m json.tool; }

say "1. The gateway starts"
configure "s#\./github-secret.txt#$here/github-secret.txt#" "s#: ../../#: $here/../../#"
start_gateway
cat "$work/ready"

send() { "$SLUICEGATE_BIN" send "$work/gateway.yaml" github "$1" --type "$2" --url "$http" "${@:3}"; }
receive() { curl -sS "$admin/v1/queues/$1/receive" -d '{"max":1,"wait_ms":2000}'; }

say "2. GitHub sends a signed Dependabot alert of high severity"
send events/dependabot_alert.json dependabot_alert --id 11111111-2222-3333-4444-555555555555

say "3. The same delivery again: stored once, answered with the first receipt"
send events/dependabot_alert.json dependabot_alert --id 11111111-2222-3333-4444-555555555555

say "4. A forged signature: refused, and nothing is stored"
curl -sS "$http/hooks/github" -H 'Content-Type: application/json' \
    -H 'X-GitHub-Event: push' -H 'X-GitHub-Delivery: forged' \
    -H "X-Hub-Signature-256: sha256=$(printf '0%.0s' $(seq 64))" -d @events/push.json | pretty

say "5. A push: no security route takes it, so it goes to the archive"
send events/push.json push

say "6. The Wasm filter sent the alert to the queue 'urgent'. A consumer leases it"
receive urgent >"$work/delivery"
python3 - "$work/delivery" <<'PYTHON'
import json, sys
delivery = json.load(open(sys.argv[1]))["deliveries"][0]
event = delivery["event"]
alert = event["data"]["alert"]["security_advisory"]
print(f"attempt {delivery['attempt']}: {event['type']} from {event['source']}, id {event['id']}")
print(f"  {alert['severity']}: {alert['summary']}")
PYTHON

say "7. It acknowledges; the queue is empty"
receipt=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["deliveries"][0]["receipt"])' "$work/delivery")
curl -sS "$admin/v1/queues/urgent/settle" -d "{\"ack\":[\"$receipt\"]}"; echo
curl -sS "$admin/v1/queues/urgent"; echo

say "8. The gateway is killed without warning, and started again: what it acknowledged is there"
kill_gateway
start_gateway
receive archive >"$work/delivery"
python3 - "$work/delivery" <<'PYTHON'
import json, sys
event = json.load(open(sys.argv[1]))["deliveries"][0]["event"]
print(f"archive: {event['type']} by {event['data']['pusher']['name']}, id {event['id']}")
PYTHON

say "Done."
