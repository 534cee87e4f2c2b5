"""One step of a story with Eclipse Paho, told as JSON in the first argument; what came of it is printed as JSON."""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes

SESSION_EXPIRY_S = 600
DEADLINE_S = 20


def main(wish):
    is_v5 = wish["level"] == 5
    over_websocket = wish["transport"] in ("ws", "wss")
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=wish["clientId"],
        protocol=mqtt.MQTTv5 if is_v5 else mqtt.MQTTv311,
        transport="websockets" if over_websocket else "tcp",
        **({} if is_v5 else {"clean_session": False}),
    )
    if over_websocket:
        client.ws_set_options(path="/mqtt")
    if wish["transport"] in ("tls", "wss"):
        client.tls_set(ca_certs=wish["authority"])

    connected = threading.Event()
    subscribed = threading.Event()
    complete = threading.Event()
    answer = {"sessionPresent": False, "payloads": []}

    def on_connect(_client, _userdata, flags, reason, _properties):
        if reason.is_failure:
            raise RuntimeError(f"CONNACK says {reason}")
        answer["sessionPresent"] = flags.session_present
        connected.set()

    def on_subscribe(_client, _userdata, _mid, reasons, _properties):
        if any(reason.is_failure for reason in reasons):
            raise RuntimeError(f"SUBACK says {reasons}")
        subscribed.set()

    def on_message(_client, _userdata, message):
        answer["payloads"].append(message.payload.decode())
        if len(answer["payloads"]) == wish.get("count"):
            complete.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message

    if is_v5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        client.connect(wish["host"], wish["port"], clean_start=False, properties=properties)
    else:
        client.connect(wish["host"], wish["port"])
    client.loop_start()
    await_event(connected, "CONNACK")

    if wish["step"] == "leaveSession":
        client.subscribe(wish["topic"], qos=1)
        await_event(subscribed, "SUBACK")
    elif wish["step"] == "publish":
        for payload in wish["payloads"]:
            published = client.publish(wish["topic"], payload, qos=1)
            published.wait_for_publish(DEADLINE_S)
            if not published.is_published():
                raise RuntimeError(f"no PUBACK for {payload}")
    elif wish["step"] == "receive":
        await_event(complete, "messages")

    client.disconnect()
    client.loop_stop()
    print(json.dumps(answer))


def await_event(event, what):
    if not event.wait(DEADLINE_S):
        raise RuntimeError(f"{what} did not come within {DEADLINE_S} s")


main(json.loads(sys.argv[1]))
