#!/usr/bin/env bash
# The whole story in the terminal: a meter publishes over MQTT, the gateway is killed, a worker takes the reading.
#
# Starts a gateway of its own on free loopback ports with a fresh data folder, and stops it again.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

. ../story.sh
needs curl python3 mosquitto_pub mosquitto_sub
needs_module paho paho.mqtt.client paho-mqtt

start() {
    start_gateway
    cat "$work/ready"
    port=$(field mqtt <"$work/ready" | sed 's/.*://')
}

as() { echo "-h 127.0.0.1 -p $port -V 5 -u $1 -P secret"; }
depth() { curl -sS "$admin/v1/queues/readings" | field depth | sed 's/^/depth: /'; }

say "1. The gateway starts, and listens for MQTT"
configure "s#\./users.txt#$here/users.txt#"
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
kill_gateway
start
depth

say "6. A worker takes the reading from the queue; its PUBACK settles it"
# shellcheck disable=SC2046
mosquitto_sub $(as worker) -q 1 -t '$queue/readings' -C 1 -W 20 -F '%t: %p'
for _ in $(seq 100); do [ "$(depth)" = "depth: 0" ] && break; sleep 0.05; done
depth

say "7. The same with paho-mqtt: a meter publishes, a worker takes, and tells the meter"
python3 meter.py "$port"

say "Done."
