"""centrifuge-python as a slow reader: markers of what was dropped do it no harm, and what can be recovered is."""

import pytest
from cent import PublishRequest

from conftest import API_KEY, OPEN
from people import SECRET, token, until
from program import Program

# Twice what the queue and the kernel's buffers together take.
COUNT = 60
# Read before the reader is slow.
TAKEN = 10
TEXT = "x" * 16_000
LONG = {"history_size": 2 * COUNT, "history_ttl": "60s", "force_recovery": True}

CONFIG = {
    "client": {"token": {"hmac_secret_key": SECRET}, "queue_max_size": 131_072},
    "http_api": {"key": API_KEY},
    "channel": {
        "namespaces": [
            {"name": "ends", **OPEN},
            {"name": "oldest", **OPEN, "slow_consumer": "drop_oldest"},
            {"name": "newest", **OPEN, "slow_consumer": "drop_newest"},
            {"name": "kept-oldest", **OPEN, **LONG, "slow_consumer": "drop_oldest"},
            {"name": "kept-newest", **OPEN, **LONG, "slow_consumer": "drop_newest"},
        ]
    },
}


@pytest.fixture(scope="module")
def server():
    program = Program(CONFIG)
    yield program
    program.stop()


@pytest.fixture
def publish(api):
    """Publishes numbers. Its calls block the event loop, so no client reads anything meanwhile."""

    def make(name, numbers):
        for number in numbers:
            api.publish(PublishRequest(channel=name, data={"number": number, "text": TEXT}))

    return make


def numbers(encoding, room):
    return [encoding.unpack(context.pub.data)["number"] for context in room.events.all("publication")]


@pytest.mark.parametrize("namespace", ["oldest", "newest"])
async def test_what_is_dropped_is_missing_and_nothing_else(person, publish, subscribe, channel, encoding, namespace):
    client = await person(token=token(sub="ann"))
    room = await subscribe(client, channel(namespace))

    async def hears(number):
        await until(lambda: numbers(encoding, room)[-1:] == [number], f"number {number}")

    for number in range(TAKEN):
        publish(channel(namespace), [number])
        await hears(number)
    end = TAKEN + COUNT
    publish(channel(namespace), range(TAKEN, end))
    # The answer comes behind all that has waited.
    await room.presence()
    publish(channel(namespace), [end])
    await hears(end)
    heard = numbers(encoding, room)[:-1]
    assert TAKEN < len(heard) < end and heard == sorted(set(heard))
    # What the reader has taken in before it is slow is there in any case.
    assert heard[:TAKEN] == list(range(TAKEN))
    assert (heard[-1] == end - 1) == (namespace == "oldest")
    assert (len(client.events.all("connected")), len(room.events.all("subscribed"))) == (1, 1)


@pytest.mark.parametrize("namespace", ["kept-oldest", "kept-newest"])
async def test_what_can_be_recovered_is(person, publish, subscribe, channel, encoding, namespace):
    client = await person(token=token(sub="ann"))
    room = await subscribe(client, channel(namespace))
    publish(channel(namespace), range(COUNT))
    await room.events.awaited("publication", COUNT)
    assert numbers(encoding, room) == list(range(COUNT))
    assert [context.code for context in room.events.all("subscribing")][1:] == [2500]
    assert len(client.events.all("connected")) == 1


async def test_who_may_not_miss_anything_and_is_slow_is_closed(person, publish, subscribe, channel):
    client = await person(token=token(sub="ann"))
    await subscribe(client, channel("ends"))
    publish(channel("ends"), range(COUNT))
    contexts = await client.events.awaited("connecting", 2)
    assert contexts[1].code == 3008
    await client.events.awaited("connected", 2)
