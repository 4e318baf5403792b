"""A producer and a consumer with pika: client.py URI make | send ORDER TOTAL [ID] | take QUEUE"""

import json
import sys

import pika

uri, verb, *rest = sys.argv[1:]
connection = pika.BlockingConnection(pika.URLParameters(uri))
channel = connection.channel()

if verb == "make":
    for queue in ("accepted", "refused"):
        channel.queue_declare(queue, durable=True)
elif verb == "send":
    order, total = int(rest[0]), json.loads(rest[1])
    properties = pika.BasicProperties(
        content_type="application/json",
        delivery_mode=2,
        type="order.new",
        message_id=rest[2] if len(rest) > 2 else f"order-{order}",
        headers={"attempt": 1, "shop": "eu"},
    )
    channel.confirm_delivery()
    body = json.dumps({"order": order, "total": total}).encode()
    channel.basic_publish("shop", "order.new", body, properties, mandatory=True)
    print(f"sent {body.decode()}")
elif verb == "take":
    for method, properties, body in channel.consume(rest[0], inactivity_timeout=30):
        assert method is not None, f"nothing came to {rest[0]}"
        headers = properties.headers or {}
        code = headers.get("x-sluicegate-code")
        why = f" ({code}: {headers['x-sluicegate-reason']})" if code else ""
        print(f"{rest[0]}: {body.decode()} shop={headers.get('shop')} attempt={headers.get('attempt')!r}{why}")
        channel.basic_ack(method.delivery_tag)
        break
    channel.cancel()
else:
    sys.exit(__doc__)
connection.close()
