#!/usr/bin/env bash
# The whole story in the terminal: orders come from a RabbitMQ, are held against a schema, and go
# back to it; a bad one is refused with its reason.
#
# Uses the broker of AMQP_URI, or starts one of its own in a folder that is thrown away.
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
set -euo pipefail
cd "$(dirname "$0")"

if [ -z "${SLUICEGATE_BIN:-}" ]; then
    cargo build --release --workspace --quiet
    SLUICEGATE_BIN=../../target/release/sluicegate
fi
# tests/run keeps pika there.
export PYTHONPATH="${PYTHONPATH:-}:$(pwd)/../../target/tools/pika"
python3 -c 'import pika' 2>/dev/null || { echo "try.sh needs pika: pip install pika" >&2; exit 1; }

work=$(mktemp -d)
started=()
finish() {
    for one in "${started[@]}"; do kill "$one" 2>/dev/null && wait "$one" 2>/dev/null; done || true
    rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
client() { python3 client.py "$AMQP_URI" "$@"; }

if [ -z "${AMQP_URI:-}" ]; then
    server=/usr/lib/rabbitmq/bin/rabbitmq-server
    [ -x "$server" ] || { echo "try.sh needs a broker: AMQP_URI, or apt-get install rabbitmq-server" >&2; exit 1; }
    say "0. A RabbitMQ of our own starts"
    read -r port mapper distribution < <(python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(3)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in sockets])
PYTHON
    )
    export ERL_EPMD_PORT=$mapper ERL_EPMD_ADDRESS=127.0.0.1
    epmd -address 127.0.0.1 -port "$mapper" &
    started+=($!)
    echo '[].' >"$work/enabled"
    HOME="$work" RUNNING_UNDER_SYSTEMD=1 RABBITMQ_NODENAME="try$port@localhost" \
        RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$port" \
        RABBITMQ_DIST_PORT="$distribution" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-start_epmd false" \
        RABBITMQ_CONF_ENV_FILE="$work/none" RABBITMQ_CONFIG_FILE="$work/none" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$work/enabled" RABBITMQ_MNESIA_BASE="$work/rabbit" \
        RABBITMQ_LOG_BASE="$work/logs" RABBITMQ_PID_FILE="$work/pid" \
        "$server" >"$work/rabbit.log" 2>&1 &
    started+=($!)
    export AMQP_URI="amqp://guest:guest@127.0.0.1:$port/%2f"
fi
for _ in $(seq 300); do
    client make 2>/dev/null && break
    sleep 0.2
done
client make

say "1. The gateway starts, and declares its queue"
here=$(pwd)
sed -e "s#^data: .*#data: $work/data#" -e 's#127.0.0.1:808[01]#127.0.0.1:0#' \
    -e "s#^schemas: .*#schemas: $here/schemas#" gateway.yaml >"$work/gateway.yaml"
start() {
    : >"$work/ready"
    "$SLUICEGATE_BIN" run "$work/gateway.yaml" >"$work/ready" 2>>"$work/log" &
    gateway=$!
    started+=("$gateway")
    for _ in $(seq 200); do
        [ -s "$work/ready" ] && break
        kill -0 "$gateway" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.05
    done
    admin=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["admin"])' "$work/ready")
    for _ in $(seq 200); do
        python3 -c 'import sys,urllib.request; sys.exit(b"degraded" in urllib.request.urlopen(sys.argv[1]).read())' \
            "http://$admin/readyz" && break
        sleep 0.1
    done
}
start
cat "$work/ready"

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
kill -9 "$gateway"
wait "$gateway" 2>/dev/null || true
client send 20 7
start
client take accepted

say "Done."
