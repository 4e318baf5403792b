#!/usr/bin/env bash
# The whole story in the terminal: signed GitHub events arrive, are filtered, and are consumed.
#
# Starts a gateway of its own on free loopback ports with a fresh data folder, and stops it again.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

if [ -z "${SLUICEGATE_BIN:-}" ]; then
    cargo build --release --workspace --quiet
    SLUICEGATE_BIN=../../target/release/sluicegate
fi
for tool in curl python3; do
    command -v "$tool" >/dev/null || { echo "try.sh needs $tool" >&2; exit 1; }
done

work=$(mktemp -d)
gateway=""
finish() {
    [ -z "$gateway" ] || { kill "$gateway" 2>/dev/null && wait "$gateway" 2>/dev/null; } || true
    rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
pretty() { python3 -m json.tool; }

# The same configuration, on free ports, with its data in a folder of its own.
here=$(pwd)
sed -e "s#^data: .*#data: $work/data#" -e 's#127.0.0.1:808[01]#127.0.0.1:0#' \
    -e "s#\./github-secret.txt#$here/github-secret.txt#" -e "s#: ../../#: $here/../../#" \
    gateway.yaml >"$work/gateway.yaml"

say "1. The gateway starts"
"$SLUICEGATE_BIN" run "$work/gateway.yaml" >"$work/ready" 2>"$work/log" &
gateway=$!
for _ in $(seq 200); do
    [ -s "$work/ready" ] && break
    kill -0 "$gateway" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.05
done
cat "$work/ready"
http=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["http"])' "$work/ready")
admin=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["admin"])' "$work/ready")

send() { "$SLUICEGATE_BIN" send "$work/gateway.yaml" github "$1" --type "$2" --url "http://$http" "${@:3}"; }
receive() { curl -sS "http://$admin/v1/queues/$1/receive" -d '{"max":1,"wait_ms":2000}'; }

say "2. GitHub sends a signed Dependabot alert of high severity"
send events/dependabot_alert.json dependabot_alert --id 11111111-2222-3333-4444-555555555555

say "3. The same delivery again: stored once, answered with the first receipt"
send events/dependabot_alert.json dependabot_alert --id 11111111-2222-3333-4444-555555555555

say "4. A forged signature: refused, and nothing is stored"
curl -sS "http://$http/hooks/github" -H 'Content-Type: application/json' \
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
curl -sS "http://$admin/v1/queues/urgent/settle" -d "{\"ack\":[\"$receipt\"]}"; echo
curl -sS "http://$admin/v1/queues/urgent"; echo

say "8. The gateway is killed without warning, and started again: what it acknowledged is there"
kill -9 "$gateway"; wait "$gateway" 2>/dev/null || true
: >"$work/ready"
"$SLUICEGATE_BIN" run "$work/gateway.yaml" >"$work/ready" 2>>"$work/log" &
gateway=$!
for _ in $(seq 200); do [ -s "$work/ready" ] && break; sleep 0.05; done
admin=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["admin"])' "$work/ready")
receive archive >"$work/delivery"
python3 - "$work/delivery" <<'PYTHON'
import json, sys
event = json.load(open(sys.argv[1]))["deliveries"][0]["event"]
print(f"archive: {event['type']} by {event['data']['pusher']['name']}, id {event['id']}")
PYTHON

say "Done."
