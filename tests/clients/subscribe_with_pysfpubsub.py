"""Subscribes with pysfpubsub as published; one JSON object on stdout says what it saw.

Its login is SOAP and it trusts public authorities only, so it is given the session and the channel.
"""

import json
import sys

import grpc
from pysfpubsub.pubsub import Client
from pysfpubsub.pubsub_api_pb2_grpc import PubSubStub

address, ca_file, url, token, org_id, topic, count = sys.argv[1:]
host, _, port = address.rpartition(":")
client = Client(url, "", "", host, int(port))
with open(ca_file, "rb") as stream:
    trusted = grpc.ssl_channel_credentials(stream.read())
client.stub = PubSubStub(grpc.secure_channel(address, trusted))
client.metadata = (("accesstoken", token), ("instanceurl", url), ("tenantid", org_id))
events = []


def seen(response, client):
    for message in response.events:
        schema = client.get_schema_json(message.event.schema_id)
        events.append(client.decode(schema, message.event.payload))
    if len(events) >= int(count):
        print(json.dumps(events), flush=True)
        sys.exit(0)


client.subscribe(topic, "EARLIEST", b"", int(count), seen)
