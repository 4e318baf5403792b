"""A meter and a worker with paho-mqtt: meter.py [PORT]

The meter publishes a reading with QoS 1, whose PUBACK means that it is on disk. The worker takes it
from the queue `readings`, answers it by publishing a command to the meter, and the meter gets it."""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 1883


def client(name, user):
    one = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    one.username_pw_set(user, "secret")
    one.connect("127.0.0.1", PORT)
    one.loop_start()
    return one


def subscribed(one, topic):
    done = threading.Event()
    one.on_subscribe = lambda *_: done.set()
    one.subscribe(topic, qos=1)
    assert done.wait(20), f"no answer to the subscription of {topic}"


meter, worker = client("meter-9", "meter"), client("worker-1", "worker")
told = threading.Event()


def on_reading(_client, _data, message):
    print(f"{message.topic}: {message.payload.decode()}")
    worker.publish("commands/meter-9/rate", json.dumps({"seconds": 60}), qos=1)


def on_command(_client, _data, message):
    print(f"{message.topic}: {message.payload.decode()}")
    told.set()


worker.on_message, meter.on_message = on_reading, on_command
subscribed(worker, "$queue/readings")
subscribed(meter, "commands/meter-9/+")
properties = Properties(PacketTypes.PUBLISH)
properties.ContentType = "application/json"
properties.UserProperty = [("reading-id", "1")]
reading = meter.publish("meters/meter-9/reading", '{"kWh":2.5}', qos=1, properties=properties)
reading.wait_for_publish(20)
print("published")
assert told.wait(20), "the command did not come"
for one in (meter, worker):
    one.disconnect()
    one.loop_stop()
