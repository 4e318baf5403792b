"""A machine at the Mosquitto, with paho-mqtt: machine.py PORT NAME read VALUE | wait"""

import sys
import threading

import paho.mqtt.client as mqtt

port, name, verb, *rest = sys.argv[1:]
one = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, clean_session=False)
done = threading.Event()


def on_message(_client, _data, message):
    print(f"{message.topic}: {message.payload.decode()}")
    done.set()


one.on_message = on_message
one.on_connect = lambda *_: one.subscribe(f"plant/{name}/command", qos=2)
one.connect("127.0.0.1", int(port))
one.loop_start()
if verb == "read":
    reading = one.publish(f"plant/{name}/reading", f'{{"value":{rest[0]}}}', qos=2)
    reading.wait_for_publish(20)
    assert reading.is_published(), "the broker did not answer"
    print(f"{name} published {rest[0]}")
elif verb == "wait":
    assert done.wait(30), "no command came"
else:
    sys.exit(__doc__)
one.disconnect()
one.loop_stop()
