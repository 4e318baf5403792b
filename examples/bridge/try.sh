#!/usr/bin/env bash
# The whole story in the terminal: readings of machines go from a Mosquitto to a RabbitMQ, commands
# the other way; each broker is away for a while, and the gateway is killed.
#
# Uses the RabbitMQ of AMQP_URI, or starts one of its own; the Mosquitto is its own.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"
. ../story.sh
needs curl python3
needs_module pika pika pika
needs_module paho paho.mqtt.client paho-mqtt
office() { python3 office.py "$AMQP_URI" "$@"; }
machine() { python3 machine.py "$MQTT_PORT" "$@"; }

say "0. A Mosquitto starts, and a RabbitMQ if AMQP_URI names none"
start_mosquitto
start_rabbitmq
for _ in $(seq 300); do
    office make 2>/dev/null && break
    sleep 0.2
done
office make

say "1. The gateway starts, and finds both brokers"
configure "s#mqtt://127.0.0.1:1883#mqtt://127.0.0.1:$MQTT_PORT#"
start_gateway
cat "$work/ready"
wait_until_well

say "2. A machine publishes a reading with QoS 2; a program takes it from RabbitMQ"
machine press read 21.5
office take

say "3. A program sends a command; the machine has it"
office send press slower
machine press wait

say "4. The gateway is killed without warning; what comes meanwhile waits at the brokers"
kill_gateway
machine press read 22.5
office send press stop
start_gateway
office take
machine press wait

say "5. Mosquitto is gone for a while: the command waits in the gateway, and uses up no attempt"
kill "$mosquitto"
wait "$mosquitto" 2>/dev/null || true
for _ in $(seq 300); do
    curl -sS "$admin/readyz" | grep -q mqtt_sink_down && break
    sleep 0.1
done
curl -sS "$admin/readyz"
echo
office send press start
start_mosquitto
machine press wait
say "Done."
