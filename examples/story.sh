# What the stories (try.sh) have in common: a gateway and brokers of their own on free loopback
# ports, in a folder that is thrown away. To be sourced in the folder of an example.
#
# SLUICEGATE_BIN names a binary that is built already; without it, one is built (release).
# shellcheck shell=bash

if [ -z "${SLUICEGATE_BIN:-}" ]; then
    cargo build --release --workspace --quiet
    SLUICEGATE_BIN=../../target/release/sluicegate
fi

work=$(mktemp -d)
here=$(pwd)
started=()
finish() {
    for one in "${started[@]}"; do kill "$one" 2>/dev/null && wait "$one" 2>/dev/null; done || true
    rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

needs() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "try.sh needs $tool" >&2; exit 1; }
    done
}

# A module of Python, which tests/run may have installed into a folder of that name.
needs_module() {
    export PYTHONPATH="${PYTHONPATH:-}:$here/../../target/tools/$1"
    python3 -c "import $2" 2>/dev/null || { echo "try.sh needs $3: pip install $3" >&2; exit 1; }
}

# A member of the JSON object on standard input.
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

free_ports() {
    python3 - "$1" <<'PYTHON'
import random, socket, sys
# Below those that the kernel gives to whoever asks for any: nobody takes one before its server.
ports, held = [], []
for port in random.sample(range(10_000, 12_000), 200):
    one = socket.socket()
    try:
        one.bind(("127.0.0.1", port))
    except OSError:
        continue
    ports.append(port)
    held.append(one)
    if len(ports) == int(sys.argv[1]):
        break
print(*ports)
PYTHON
}

# The configuration of the example, on free ports, with its data in the folder that is thrown away.
# More arguments are more expressions for sed.
configure() {
    local expressions=(-e "s#^data: .*#data: $work/data#" -e 's# 127.0.0.1:\(808[01]\|1883\)# 127.0.0.1:0#')
    for one in "$@"; do expressions+=(-e "$one"); done
    sed "${expressions[@]}" gateway.yaml >"$work/gateway.yaml"
}

# Starts the gateway, and waits until it is ready: its words are in "$work/ready".
start_gateway() {
    : >"$work/ready"
    "$SLUICEGATE_BIN" run "$work/gateway.yaml" >"$work/ready" 2>>"$work/log" &
    gateway=$!
    started+=("$gateway")
    for _ in $(seq 400); do
        [ -s "$work/ready" ] && break
        kill -0 "$gateway" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.05
    done
    http=http://$(field http <"$work/ready")
    admin=http://$(field admin <"$work/ready")
}

# Waits until nothing is down: sources and sinks have their brokers.
wait_until_well() {
    for _ in $(seq 300); do
        curl -sS "$admin/readyz" | grep -q degraded || return 0
        sleep 0.1
    done
    curl -sS "$admin/readyz" >&2
    exit 1
}

kill_gateway() {
    kill -9 "$gateway"
    wait "$gateway" 2>/dev/null || true
}

# The RabbitMQ of AMQP_URI, or one of our own.
start_rabbitmq() {
    [ -z "${AMQP_URI:-}" ] || return 0
    local server=/usr/lib/rabbitmq/bin/rabbitmq-server port mapper distribution
    [ -x "$server" ] || { echo "try.sh needs a broker: AMQP_URI, or apt-get install rabbitmq-server" >&2; exit 1; }
    read -r port mapper distribution < <(free_ports 3)
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
}

# A Mosquitto of our own, on the same port each time: MQTT_PORT.
start_mosquitto() {
    local server
    server=$(PATH="$PATH:/usr/sbin" command -v mosquitto) ||
        { echo "try.sh needs a broker: apt-get install mosquitto" >&2; exit 1; }
    MQTT_PORT=${MQTT_PORT:-$(free_ports 1)}
    mkdir -p "$work/mosquitto"
    printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nuser root\n' \
        "$MQTT_PORT" "$work/mosquitto" >"$work/mosquitto.conf"
    "$server" -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
    mosquitto=$!
    started+=("$mosquitto")
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$MQTT_PORT") 2>/dev/null && return 0
        sleep 0.05
    done
    cat "$work/mosquitto.log" >&2
    exit 1
}
