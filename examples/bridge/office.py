"""A program at the RabbitMQ, with pika: office.py URI make | take | send MACHINE COMMAND"""

import sys

import pika

uri, verb, *rest = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(uri))
channel = connection.channel()

if verb == "make":
    channel.queue_declare("readings", durable=True)
elif verb == "take":
    for method, properties, body in channel.consume("readings", inactivity_timeout=30):
        assert method is not None, "nothing came to readings"
        print(f"{properties.headers['cloudEvents_mqtttopic']}: {body.decode()}")
        channel.basic_ack(method.delivery_tag)
        break
    channel.cancel()
elif verb == "send":
    machine, command = rest
    properties = pika.BasicProperties(
        delivery_mode=2,
        content_type="text/plain",
        message_id=f"{machine}-{command}",
        headers={"machine": machine},
    )
    channel.confirm_delivery()
    channel.basic_publish("", "commands", command.encode(), properties, mandatory=True)
    print(f"sent {command} to {machine}")
else:
    sys.exit(__doc__)
connection.close()
