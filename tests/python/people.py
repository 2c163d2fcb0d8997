"""Clients of centrifuge-python that keep what they were told, and tokens for them."""

import asyncio
import base64
import hashlib
import hmac
import json
import math
import time

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler

SECRET = "a secret of the tests that is long enough"
PATIENCE_S = 10


def token(**claims):
    """A token signed with the secret of the tests."""
    text = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_base64url(signature)}"


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def seconds(later=0):
    return int(time.time()) + later


def soon():
    """Unix seconds that are over in 2 to 3 seconds: never while somebody still connects."""
    return math.ceil(time.time() + 2)


class Encoding:
    """One of the two: with Protobuf payloads are bytes, here always JSON text."""

    def __init__(self, protobuf):
        self.protobuf = protobuf
        self.name = "protobuf" if protobuf else "json"

    def pack(self, value):
        return json.dumps(value).encode() if self.protobuf else value

    def unpack(self, data):
        if not self.protobuf:
            return data
        return json.loads(data) if data else None


class _Record:
    """Every event, as its name and its context, in order."""

    def __init__(self):
        self.events = []
        self._changed = asyncio.Condition()

    async def note(self, name, context):
        async with self._changed:
            self.events.append((name, context))
            self._changed.notify_all()

    def all(self, name, channel=None):
        return [
            context
            for found, context in self.events
            if found == name and (channel is None or context.channel == channel)
        ]

    async def awaited(self, name, count=1, channel=None):
        """The contexts of that event, once there are so many."""
        async with self._changed:
            there = self._changed.wait_for(lambda: len(self.all(name, channel)) >= count)
            try:
                await asyncio.wait_for(there, PATIENCE_S)
            except asyncio.TimeoutError:
                raise AssertionError(f"not {count} × {name}, but {self.events}") from None
        return self.all(name, channel)


def _handler(name):
    async def on_event(self, context):
        await self.note(name, context)

    return on_event


def _recording(base):
    names = [name for name in vars(base) if name.startswith("on_")]
    return type(f"Recording{base.__name__}", (_Record, base), {name: _handler(name[3:]) for name in names})


ClientRecord = _recording(ClientEventHandler)
SubscriptionRecord = _recording(SubscriptionEventHandler)


def new_client(endpoint, encoding, **options):
    """A client, quick to come back; its record is `client.events`."""
    options = {"min_reconnect_delay": 0.05, "max_reconnect_delay": 0.3, "proxy": None, **options}
    return Client(endpoint, events=ClientRecord(), use_protobuf=encoding.protobuf, **options)


async def until(holds, what, patience_s=PATIENCE_S):
    """Waits until `holds()` is true, and returns that."""
    end = time.monotonic() + patience_s
    while True:
        value = holds()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < end, f"not within {patience_s} s: {what}"
        await asyncio.sleep(0.01)
