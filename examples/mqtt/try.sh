#!/usr/bin/env bash
# The whole story in the terminal: a meter publishes over MQTT, the gateway is killed, a worker takes the reading.
#
# Starts a gateway of its own on free loopback ports with a fresh data folder, and stops it again.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

if [ -z "${SLUICEGATE_BIN:-}" ]; then
    cargo build --release --workspace --quiet
    SLUICEGATE_BIN=../../target/release/sluicegate
fi
for tool in curl python3 mosquitto_pub mosquitto_sub; do
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

# The same configuration, on free ports, with its data in a folder of its own.
here=$(pwd)
sed -e "s#^data: .*#data: $work/data#" -e 's#127.0.0.1:808[01]#127.0.0.1:0#' \
    -e 's#127.0.0.1:1883#127.0.0.1:0#' -e "s#\./users.txt#$here/users.txt#" gateway.yaml >"$work/gateway.yaml"

start() {
    : >"$work/ready"
    "$SLUICEGATE_BIN" run "$work/gateway.yaml" >"$work/ready" 2>>"$work/log" &
    gateway=$!
    for _ in $(seq 400); do
        [ -s "$work/ready" ] && break
        kill -0 "$gateway" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.05
    done
    cat "$work/ready"
    port=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["mqtt"].split(":")[1])' "$work/ready")
    admin=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["admin"])' "$work/ready")
}

as() { echo "-h 127.0.0.1 -p $port -V 5 -u $1 -P secret"; }
depth() { curl -sS "http://$admin/v1/queues/readings" | python3 -c 'import json,sys; print("depth:", json.load(sys.stdin)["depth"])'; }

say "1. The gateway starts, and listens for MQTT"
start

say "2. A meter publishes a reading with QoS 1: its PUBACK means that the reading is on disk"
# shellcheck disable=SC2046 # Words are meant.
mosquitto_pub $(as meter) -i meter-7 -q 1 -t meters/meter-7/reading -m '{"kWh":1.5}' \
    -D publish user-property reading-id 1 -D publish content-type application/json && echo published

say "3. It is not sure, and publishes it again: acknowledged, and not stored twice"
# shellcheck disable=SC2046
mosquitto_pub $(as meter) -i meter-7 -q 1 -t meters/meter-7/reading -m '{"kWh":1.5}' \
    -D publish user-property reading-id 1 -D publish content-type application/json && echo published
depth

say "4. Another meter's topic is not for it"
# shellcheck disable=SC2046
mosquitto_pub $(as meter) -i meter-7 -q 1 -t meters/meter-8/reading -m '{"kWh":0}' 2>&1 | sed 's/^/refused: /'
depth

say "5. The gateway is killed without warning, and started again"
kill -9 "$gateway"; wait "$gateway" 2>/dev/null || true
start
depth

say "6. A worker takes the reading from the queue; its PUBACK settles it"
# shellcheck disable=SC2046
mosquitto_sub $(as worker) -q 1 -t '$queue/readings' -C 1 -W 20 -F '%t: %p'
for _ in $(seq 100); do [ "$(depth)" = "depth: 0" ] && break; sleep 0.05; done
depth

say "Done."
