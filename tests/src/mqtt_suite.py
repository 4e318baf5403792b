"""The cases of the Eclipse Paho interoperability suites (client_test.py and client_test5.py),
played by the Eclipse Paho client against a broker: suite.py PORT 3|5 FILTER-THAT-IS-DENIED.

The suites themselves are on no package registry; these are their cases under their names. Every
case prints its result, and the exit code is 1 if one failed."""

import queue
import socket
import sys
import time
import traceback

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

PORT = int(sys.argv[1])
V5 = sys.argv[2] == "5"
DENIED = sys.argv[3]
SOON = 15
QUIET = 0.7


def props(kind, **values):
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Client:
    def __init__(self, client_id="", clean=True, keepalive=60, will=None, connect=None, **more):
        kind = {} if V5 else {"clean_session": clean}
        protocol = paho.MQTTv5 if V5 else paho.MQTTv311
        self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id, protocol=protocol, **kind, **more
        )
        self.messages, self.subacks, self.published = queue.Queue(), queue.Queue(), queue.Queue()
        self.connected, self.ended = queue.Queue(), queue.Queue()
        self.unsubacks = queue.Queue()
        own = self.paho
        own.on_connect = lambda c, u, flags, reason, p: self.connected.put((flags, reason, p))
        own.on_disconnect = lambda c, u, flags, reason, p: self.ended.put(reason)
        own.on_message = lambda c, u, message: self.messages.put(message)
        own.on_subscribe = lambda c, u, mid, reasons, p: self.subacks.put(reasons)
        own.on_unsubscribe = lambda c, u, mid, reasons, p: self.unsubacks.put(reasons)
        own.on_publish = lambda c, u, mid, reason, p: self.published.put(reason)
        own.reconnect_delay_set(60, 60)
        if will:
            own.will_set(**will)
        extra = {"clean_start": clean, "properties": connect} if V5 else {}
        own.connect("127.0.0.1", PORT, keepalive, **extra)
        own.loop_start()
        self.flags, self.reason, self.properties = self.connected.get(timeout=SOON)

    def subscribe(self, *topics, qos=2, options=None, properties=None):
        for topic in topics:
            extra = {}
            if V5:
                extra = {"options": options or SubscribeOptions(qos), "properties": properties}
            else:
                extra = {"qos": qos}
            self.paho.subscribe(topic, **extra)
            reasons = self.subacks.get(timeout=SOON)
        return reasons

    def publish(self, topic, payload, qos=1, retain=False, **properties):
        extra = {}
        if V5 and properties:
            extra = {"properties": props(PacketTypes.PUBLISH, **properties)}
        self.paho.publish(topic, payload, qos, retain, **extra)
        return self.published.get(timeout=SOON)

    def get(self):
        return self.messages.get(timeout=SOON)

    def take(self, count):
        return [self.get() for _ in range(count)]

    def quiet(self, moment=QUIET):
        try:
            extra = self.messages.get(timeout=moment)
        except queue.Empty:
            return
        raise AssertionError(f"unexpected {extra.topic} {extra.payload!r}")

    def disconnect(self):
        self.paho.disconnect()
        self.ended.get(timeout=SOON)
        self.paho.loop_stop()

    def part_for(self, seconds):
        """Says good-bye, and how long the session is to stay."""
        properties = props(PacketTypes.DISCONNECT, SessionExpiryInterval=seconds)
        self.paho.disconnect(properties=properties)
        self.ended.get(timeout=SOON)
        self.paho.loop_stop()

    def cut(self):
        """Ends the connection without a DISCONNECT."""
        self.paho.loop_stop()
        self.paho._sock_close()


def forget(*client_ids):
    for client_id in client_ids:
        Client(client_id, clean=True).disconnect()


def keep(seconds=100):
    return props(PacketTypes.CONNECT, SessionExpiryInterval=seconds) if V5 else None


def clear_retained(*topics):
    client = Client("clearer")
    for topic in topics:
        client.publish(topic, b"", 1, retain=True)
    client.disconnect()


def raw_connect(client_id, flags, name=b"\x00\x04MQTT", level=None):
    """The bytes of a CONNECT that the Paho client would not send."""
    level = (5 if V5 else 4) if level is None else level
    body = name + bytes([level, flags, 0, 60]) + (b"\x00" if V5 else b"")
    body += len(client_id).to_bytes(2, "big") + client_id
    return bytes([0x10, len(body)]) + body


def exchange(*packets):
    """Sends bytes, and reads until the server closes or is silent. What came, and if it closed."""
    got, closed = b"", False
    with socket.create_connection(("127.0.0.1", PORT), timeout=SOON) as stream:
        for packet in packets:
            stream.sendall(packet)
        stream.settimeout(SOON)
        try:
            while part := stream.recv(4096):
                got += part
            closed = True
        except ConnectionResetError:
            closed = True
        except TimeoutError:
            pass
    return got, closed


# --- cases of both suites -----------------------------------------------------------------------


def basic():
    client = Client("basic")
    client.subscribe("basic/a")
    for qos in (0, 1, 2):
        client.publish("basic/a", f"qos {qos}", qos)
    got = client.take(3)
    assert sorted(m.qos for m in got) == [0, 1, 2], got
    assert [m.payload for m in got] == [b"qos 0", b"qos 1", b"qos 2"]
    client.disconnect()


def second_connect():
    again = raw_connect(b"twice", 2)
    assert exchange(again, again)[1], "a second CONNECT on a connection ends it"


def wrong_protocol_name():
    got, closed = exchange(raw_connect(b"other", 2, name=b"\x00\x02hj"))
    assert closed and (not got or got[3] != 0), got


def retained_messages():
    topics = ["retained/a/b", "retained/c", "retained/\u00e9"]
    client = Client("retainer")
    for qos, topic in enumerate(topics):
        client.publish(topic, f"qos {qos}", qos, retain=True)
    client.disconnect()
    client = Client("reader")
    client.subscribe("retained/+", "retained/+/+")
    got = client.take(3)
    assert all(m.retain for m in got) and {m.topic for m in got} == set(topics), got
    client.publish("retained/c", "live", 1, retain=False)
    assert not client.get().retain
    client.disconnect()
    clear_retained(*topics)
    client = Client("reader")
    client.subscribe("retained/#")
    client.quiet()
    client.disconnect()


def offline_message_queueing():
    forget("offline")
    away = Client("offline", clean=False, connect=keep())
    away.subscribe("offline/#")
    away.disconnect()
    writer = Client("writer")
    for qos in (0, 1, 2):
        writer.publish(f"offline/{qos}", f"qos {qos}", qos)
    writer.disconnect()
    away = Client("offline", clean=False, connect=keep())
    assert away.flags.session_present
    got = away.take(2)
    assert {m.topic for m in got} - {"offline/0"} == {"offline/1", "offline/2"}, got
    away.disconnect()
    forget("offline")


def will_message():
    reader = Client("heir")
    reader.subscribe("wills/#")
    Client("lost", will={"topic": "wills/lost", "payload": "gone", "qos": 2}).cut()
    got = reader.get()
    assert (got.topic, got.payload, got.retain) == ("wills/lost", b"gone", False)
    Client("polite", will={"topic": "wills/polite", "payload": "gone", "qos": 1}).disconnect()
    reader.quiet()
    kept = Client("kept", will={"topic": "wills/kept", "payload": "k", "qos": 1, "retain": True})
    kept.cut()
    reader.get()
    late = Client("late")
    late.subscribe("wills/kept")
    assert late.get().retain
    late.disconnect()
    reader.disconnect()
    clear_retained("wills/kept")


def overlapping_subscriptions():
    client = Client("overlap")
    client.subscribe("over/#", qos=2)
    client.subscribe("over/+", qos=1)
    client.publish("over/x", "overlapping", 2)
    # One message, or one for each subscription: both are allowed.
    first = client.get()
    time.sleep(QUIET)
    got = [first.qos] + [client.get().qos for _ in range(client.messages.qsize())]
    assert sorted(got) in ([2], [1, 2]), got
    client.disconnect()


def keepalive():
    reader = Client("watcher")
    reader.subscribe("silence")
    start = time.monotonic()
    silent = Client("silent", keepalive=2, will={"topic": "silence", "payload": "x", "qos": 1})
    silent.paho.loop_stop()
    reader.get()
    waited = time.monotonic() - start
    assert 2.5 < waited < 15, waited
    silent.paho._sock_close()
    reader.disconnect()


def redelivery_on_reconnect():
    forget("again")
    away = Client("again", clean=False, connect=keep(), manual_ack=True)
    away.subscribe("again/#")
    writer = Client("writer")
    writer.publish("again/1", "one", 1)
    writer.publish("again/2", "two", 2)
    first = away.take(2)
    assert {m.dup for m in first} == {False}
    away.cut()
    away = Client("again", clean=False, connect=keep())
    second = away.take(1)
    assert second[0].payload == b"one" and second[0].dup, second
    away.quiet()
    away.disconnect()
    writer.disconnect()
    forget("again")


def subscribe_failure():
    client = Client("failing")
    reason = client.subscribe(DENIED)[0]
    assert reason.is_failure, reason
    reason = client.subscribe("fine")[0]
    assert not reason.is_failure, reason
    client.disconnect()


def dollar_topics():
    client = Client("dollar")
    client.subscribe("#", "+/+")
    client.publish("$dollar/x", "hidden", 1)
    client.quiet()
    client.disconnect()


def unsubscribe():
    client = Client("leaver")
    client.subscribe("leave/a", "leave/b", "leave/c")
    client.paho.unsubscribe("leave/a")
    client.unsubacks.get(timeout=SOON)
    for name in "abc":
        client.publish(f"leave/{name}", name)
    assert [m.topic for m in client.take(2)] == ["leave/b", "leave/c"]
    client.quiet()
    client.disconnect()


def zero_length_clientid():
    first, second = Client("", clean=True), Client("", clean=True)
    for client in (first, second):
        client.subscribe("zero")
    first.publish("zero", "x")
    first.get(), second.get()
    first.disconnect(), second.disconnect()
    if not V5:
        got, closed = exchange(raw_connect(b"", 0))
        assert closed and got[:4] == b"\x20\x02\x00\x02", got


def takeover():
    first = Client("twin")
    second = Client("twin")
    # The reason, 142, is in a packet too short for this client to look into it.
    first.ended.get(timeout=SOON)
    first.paho.loop_stop()
    second.subscribe("twin")
    second.disconnect()


# --- cases of version 5 -------------------------------------------------------------------------


def assigned_clientid():
    client = Client("", clean=True)
    assert client.properties.AssignedClientIdentifier
    client.disconnect()
    client = Client("", clean=False)
    assert client.properties.AssignedClientIdentifier and not client.flags.session_present
    client.disconnect()


def properties():
    client = Client("props")
    client.subscribe("props/x")
    client.publish(
        "props/x", b"{}", 2,
        PayloadFormatIndicator=1, ContentType="application/json", ResponseTopic="props/answer",
        CorrelationData=b"\x00\xff",
        UserProperty=[("a", "1"), ("B", "2"), ("a", "3")],
    )
    got = client.get().properties
    assert got.UserProperty == [("a", "1"), ("B", "2"), ("a", "3")], got
    assert (got.PayloadFormatIndicator, got.ContentType) == (1, "application/json")
    assert (got.ResponseTopic, got.CorrelationData) == ("props/answer", b"\x00\xff")
    client.disconnect()


def request_response():
    server, client = Client("server"), Client("requester")
    server.subscribe("requests")
    client.subscribe("answers/+")
    client.publish("requests", "2", ResponseTopic="answers/1", CorrelationData=b"c")
    asked = server.get()
    data = asked.properties.CorrelationData
    server.publish(asked.properties.ResponseTopic, "4", CorrelationData=data)
    got = client.get()
    assert (got.topic, got.payload, got.properties.CorrelationData) == ("answers/1", b"4", b"c")
    server.disconnect(), client.disconnect()


def retain_handling():
    writer = Client("writer")
    writer.publish("handling", "kept", 1, retain=True)
    reader = Client("handler")
    reader.subscribe("handling", options=SubscribeOptions(1, retainHandling=2))
    reader.quiet()
    reader.subscribe("handling", options=SubscribeOptions(1, retainHandling=1))
    reader.quiet()
    reader.subscribe("handling", options=SubscribeOptions(1, retainHandling=0))
    assert reader.get().retain
    reader.disconnect()
    fresh = Client("handler")
    fresh.subscribe("handling", options=SubscribeOptions(1, retainHandling=1))
    assert fresh.get().retain
    fresh.disconnect()
    clear_retained("handling")
    writer.disconnect()


def session_expiry():
    forget("expiring")
    client = Client("expiring", clean=False, connect=keep(0))
    client.disconnect()
    client = Client("expiring", clean=False, connect=keep(8))
    assert not client.flags.session_present
    client.disconnect()
    client = Client("expiring", clean=False, connect=keep(1))
    assert client.flags.session_present
    client.disconnect()
    deadline = time.monotonic() + SOON
    while True:
        time.sleep(2)
        client = Client("expiring", clean=False, connect=keep(1))
        present = client.flags.session_present
        client.disconnect()
        if not present:
            break
        assert time.monotonic() < deadline
    client = Client("expiring", clean=False, connect=keep(100))
    client.part_for(0)
    client = Client("expiring", clean=False, connect=keep(1))
    assert not client.flags.session_present
    # Longer than the CONNECT said.
    client.part_for(100)
    time.sleep(2)
    client = Client("expiring", clean=False, connect=keep(0))
    assert client.flags.session_present
    client.disconnect()


def shared_subscriptions():
    members = [Client(f"member{number}") for number in range(3)]
    for member in members:
        member.subscribe("$share/group/shared/#")
    other = Client("other")
    other.subscribe("shared/#")
    for number in range(30):
        other.publish("shared/x", str(number))
    other.take(30)
    deadline = time.monotonic() + SOON
    while sum(member.messages.qsize() for member in members) < 30 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(QUIET)
    counts = [member.messages.qsize() for member in members]
    assert sum(counts) == 30 and min(counts) > 0, counts
    for client in [*members, other]:
        client.disconnect()


def subscribe_identifiers():
    client = Client("identified")
    client.subscribe("ids/a", properties=props(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=2))
    client.subscribe("ids/#", properties=props(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=300))
    client.publish("ids/a", "x")
    # One message, or one for each subscription.
    first = client.get()
    time.sleep(QUIET)
    got = [first] + [client.get() for _ in range(client.messages.qsize())]
    assert sorted(i for m in got for i in m.properties.SubscriptionIdentifier) == [2, 300]
    client.publish("ids/b", "x")
    assert client.get().properties.SubscriptionIdentifier == [300]
    client.disconnect()


def subscribe_options():
    client, other = Client("optional"), Client("other")
    client.subscribe("options", options=SubscribeOptions(2, noLocal=True, retainAsPublished=True))
    client.publish("options", "own", 2)
    client.quiet()
    other.publish("options", "kept", 2, retain=True)
    assert client.get().retain
    client.disconnect(), other.disconnect()
    clear_retained("options")


def client_topic_alias():
    client = Client("aliaser")
    assert client.properties.TopicAliasMaximum > 0
    client.subscribe("alias/x")
    client.publish("alias/x", "1", TopicAlias=1)
    client.publish("", "2", TopicAlias=1)
    assert [m.topic for m in client.take(2)] == ["alias/x", "alias/x"]
    client.disconnect()


def alias_out_of_bounds():
    client = Client("bounded")
    maximum = client.properties.TopicAliasMaximum
    client.disconnect()
    for alias in (0, maximum + 1):
        topic = b"\x00\x01t" + b"\x03\x23" + alias.to_bytes(2, "big")
        publish = bytes([0x30, len(topic)]) + topic
        assert exchange(raw_connect(b"bounded", 2), publish)[1], alias


def server_topic_alias():
    client = Client("aliased", connect=props(PacketTypes.CONNECT, TopicAliasMaximum=2))
    client.subscribe("aliases/#")
    for name in ("a", "a", "b", "c", "a", "c"):
        client.publish(f"aliases/{name}", name)
    # The client of these tests does not put topics in the place of aliases.
    topics, seen = {}, []
    for message in client.take(6):
        alias = getattr(message.properties, "TopicAlias", None)
        assert alias in (None, 1, 2), alias
        if message.topic and alias:
            topics[alias] = message.topic
        seen.append(message.topic or topics[alias])
    assert seen == [f"aliases/{name}" for name in "aabcac"], seen
    client.disconnect()


def payload_format():
    client = Client("formatted")
    client.subscribe("format")
    client.publish("format", "text", PayloadFormatIndicator=1)
    assert client.get().properties.PayloadFormatIndicator == 1
    client.disconnect()


def publication_expiry():
    forget("expirer")
    away = Client("expirer", clean=False, connect=keep())
    away.subscribe("expiry/#")
    away.disconnect()
    writer = Client("writer")
    writer.publish("expiry/1", "short", 1, MessageExpiryInterval=1)
    writer.publish("expiry/2", "long", 1, MessageExpiryInterval=60)
    writer.publish("expiry/3", "for good", 2)
    time.sleep(2)
    away = Client("expirer", clean=False, connect=keep())
    got = away.take(2)
    assert [m.topic for m in got] == ["expiry/2", "expiry/3"], got
    assert 50 <= got[0].properties.MessageExpiryInterval <= 58, got[0].properties
    away.quiet()
    away.disconnect(), writer.disconnect()
    forget("expirer")


def server_keep_alive():
    client = Client("asks-long", keepalive=1000)
    assert client.properties.ServerKeepAlive == 120
    client.disconnect()


def will_delay():
    reader = Client("heir")
    reader.subscribe("delayed")
    delay = props(PacketTypes.WILLMESSAGE, WillDelayInterval=2)
    will = {"topic": "delayed", "payload": "gone", "qos": 1, "properties": delay}
    forget("delayer")
    Client("delayer", clean=False, connect=keep(), will=will).cut()
    start = time.monotonic()
    reader.get()
    assert time.monotonic() - start > 1.5
    # Who is back in time has no will to be read.
    delay.WillDelayInterval = 5
    Client("delayer", clean=False, connect=keep(), will=will).cut()
    back = Client("delayer", clean=False, connect=keep())
    reader.quiet(6)
    back.disconnect(), reader.disconnect()
    forget("delayer")


def flow_control_of_client():
    receive = props(PacketTypes.CONNECT, ReceiveMaximum=2)
    reader = Client("narrow", connect=receive, manual_ack=True)
    reader.subscribe("flow")
    writer = Client("writer")
    for number in range(6):
        writer.publish("flow", str(number))
    got = reader.take(2)
    reader.quiet()
    for message in got:
        reader.paho.ack(message.mid, message.qos)
    got = reader.take(2)
    assert [m.payload for m in got] == [b"2", b"3"]
    reader.disconnect(), writer.disconnect()


def flow_control_of_server():
    client = Client("burst")
    assert client.properties.ReceiveMaximum > 0
    for number in range(300):
        client.paho.publish("burst", str(number), 2)
    for _ in range(300):
        assert not client.published.get(timeout=SOON).is_failure
    client.disconnect()


def maximum_packet_size_of_server():
    client = Client("sizes")
    maximum = getattr(client.properties, "MaximumPacketSize", None)
    client.disconnect()
    if maximum is None:
        return
    topic = b"\x00\x01t\x00"
    left, digits = maximum + 1, b""
    while left:
        digits += bytes([left % 128 | (128 if left > 127 else 0)])
        left //= 128
    publish = b"\x30" + digits + topic
    assert exchange(raw_connect(b"sizes", 2), publish, bytes(100_000))[1]


def flow_control_is_enforced():
    client = Client("over")
    maximum = client.properties.ReceiveMaximum
    client.disconnect()
    burst = b""
    for packet_id in range(1, maximum + 2):
        body = b"\x00\x01t" + packet_id.to_bytes(2, "big") + b"\x00x"
        burst += bytes([0x34, len(body)]) + body
    got, closed = exchange(raw_connect(b"over", 2), burst)
    assert closed and any(got.endswith(end) for end in (b"\xe0\x01\x93", b"\xe0\x02\x93\x00")), got


def maximum_packet_size():
    small = props(PacketTypes.CONNECT, MaximumPacketSize=64)
    reader, writer = Client("small", connect=small), Client("writer")
    reader.subscribe("size")
    writer.publish("size", "x" * 100, 1)
    writer.publish("size", "x" * 10, 1)
    assert len(reader.get().payload) == 10
    reader.quiet()
    reader.disconnect(), writer.disconnect()


def will_delay_ends_with_session():
    reader = Client("heir")
    reader.subscribe("delayed")
    delay = props(PacketTypes.WILLMESSAGE, WillDelayInterval=100)
    will = {"topic": "delayed", "payload": "gone", "qos": 1, "properties": delay}
    Client("delayer", clean=True, connect=keep(1), will=will).cut()
    reader.get()
    reader.disconnect()


def retained_by_retain_as_published():
    client = Client("as-published")
    client.subscribe("as/published", options=SubscribeOptions(2, retainAsPublished=False))
    client.publish("as/published", "kept", 1, retain=True)
    assert not client.get().retain
    client.disconnect()
    clear_retained("as/published")


def disconnect_with_will():
    reader = Client("heir")
    reader.subscribe("wills/with")
    other = Client("with-will", will={"topic": "wills/with", "payload": "gone", "qos": 1})
    other.paho.disconnect(reasoncode=ReasonCode(PacketTypes.DISCONNECT, identifier=4))
    other.ended.get(timeout=SOON)
    other.paho.loop_stop()
    assert reader.get().payload == b"gone"
    reader.disconnect()


def unsubscribe_reasons():
    client = Client("reasons")
    client.subscribe("there")
    client.paho.unsubscribe(["there", "not-there"])
    reasons = [r.value for r in client.unsubacks.get(timeout=SOON)]
    assert reasons == [0, 17], reasons
    client.disconnect()


BOTH = [
    basic, second_connect, wrong_protocol_name, retained_messages, offline_message_queueing,
    will_message, overlapping_subscriptions, keepalive, redelivery_on_reconnect,
    subscribe_failure, dollar_topics, unsubscribe, zero_length_clientid, takeover,
]
ONLY_5 = [
    assigned_clientid, properties, request_response, retain_handling,
    retained_by_retain_as_published, session_expiry, shared_subscriptions, subscribe_identifiers,
    subscribe_options, client_topic_alias, alias_out_of_bounds, server_topic_alias,
    payload_format, publication_expiry, server_keep_alive, will_delay,
    will_delay_ends_with_session, disconnect_with_will, flow_control_of_client,
    flow_control_of_server, flow_control_is_enforced, maximum_packet_size,
    maximum_packet_size_of_server, unsubscribe_reasons,
]

failed = 0
for case in BOTH + (ONLY_5 if V5 else []):
    try:
        case()
        print("passed", case.__name__, flush=True)
    except Exception:
        failed += 1
        print("FAILED", case.__name__, flush=True)
        traceback.print_exc(file=sys.stdout)
sys.exit(1 if failed else 0)
