#!/usr/bin/env python3
"""Reads events as somebody would who knows Kafka, Avro and CloudEvents, and none of our code.

    read_events.py BOOTSTRAP REGISTRY SOURCE COUNT TOPIC...

Joins a consumer group of its own, waits until it has COUNT records whose ce_source is SOURCE, and prints each as a line
of JSON: where it lay, its key, its headers, the five bytes before the body, and the body as fastavro reads it by the
schema that the registry (its Confluent API at REGISTRY) has for the id. Fails after 60 s.
"""

import datetime
import decimal
import functools
import io
import json
import struct
import sys
import time
import urllib.request
import uuid

import confluent_kafka
import fastavro

WITHIN_SECONDS = 60


@functools.cache
def schema(registry, schema_id):
    with urllib.request.urlopen(f"{registry}/schemas/ids/{schema_id}", timeout=10) as answer:
        return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))


def plain(value):
    """Decimals and instants as text; JSON has neither."""
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds")
    raise TypeError(type(value))


def describe(message, registry):
    value = message.value()
    magic, schema_id = struct.unpack(">BI", value[:5])
    written_by = schema(registry, schema_id)
    body = io.BytesIO(value[5:])
    event = fastavro.schemaless_reader(body, written_by)
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": message.key().decode(),
        "headers": {name: text.decode() for name, text in message.headers()},
        "magic": magic,
        "schemaId": schema_id,
        "schemaName": written_by["name"],
        "event": event,
        "bytesLeft": len(body.read()),
    }


def main(bootstrap, registry, source, count, *topics):
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"independent-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(list(topics))
    deadline = time.monotonic() + WITHIN_SECONDS
    found = 0
    while found < int(count):
        if time.monotonic() > deadline:
            sys.exit(f"{found} of {count} records came within {WITHIN_SECONDS} s")
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        if dict(message.headers() or []).get("ce_source") != source.encode():
            continue
        found += 1
        print(json.dumps(describe(message, registry), default=plain))
    consumer.close()


main(*sys.argv[1:])
