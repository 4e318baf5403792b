#!/usr/bin/env bash
# The whole story in the terminal: orders come from a RabbitMQ, are held against a schema, and go
# back to it; a bad one is refused with its reason.
#
# Uses the broker of AMQP_URI, or starts one of its own in a folder that is thrown away.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

. ../story.sh
needs curl python3
needs_module pika pika pika
client() { python3 client.py "$AMQP_URI" "$@"; }

say "0. A RabbitMQ starts, if AMQP_URI names none"
start_rabbitmq
for _ in $(seq 300); do
    client make 2>/dev/null && break
    sleep 0.2
done
client make

say "1. The gateway starts, and declares its queue"
configure "s#^schemas: .*#schemas: $here/schemas#"
start_gateway
cat "$work/ready"
wait_until_well

say "2. An order is published to the exchange 'shop'; it goes through the gateway, types and all"
client send 17 99.50
client take accepted

say "3. The same message again: stored once. A new one: taken"
client send 17 99.50
client send 18 1
client take accepted

say "4. An order that breaks its schema is refused, with the reason in its headers"
client send 19 -5
client take refused

say "5. The gateway is killed without warning; what it had not acknowledged waits at the broker"
kill_gateway
client send 20 7
start_gateway
client take accepted

say "Done."
