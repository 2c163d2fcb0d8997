"""What tests are given: the server, its API, and people who go home when the test ends."""

import cent
import pytest

from people import SECRET, Encoding, SubscriptionRecord, new_client
from program import Program

KEPT = {"history_size": 20, "history_ttl": "60s"}
OPEN = {
    "allow_subscribe_for_client": True,
    "allow_publish_for_client": True,
    "allow_presence_for_client": True,
    "allow_history_for_client": True,
    "presence": True,
}

API_KEY = "the-key-of-the-tests"

CONFIG = {
    "client": {
        "token": {"hmac_secret_key": SECRET},
        "subscribe_to_user_personal_channel": {"enabled": True, "personal_channel_namespace": "personal"},
    },
    "http_api": {"key": API_KEY},
    "channel": {
        "without_namespace": OPEN,
        "namespaces": [
            {"name": "kept", **OPEN, **KEPT, "force_recovery": True},
            {"name": "told", **OPEN, "join_leave": True, "force_push_join_leave": True},
            {"name": "delta", **OPEN, **KEPT, "force_recovery": True, "allowed_delta_types": ["fossil"]},
            {
                "name": "cache",
                **OPEN,
                "history_size": 1,
                "history_ttl": "60s",
                "force_recovery": True,
                "force_recovery_mode": "cache",
            },
            {"name": "tagged", **OPEN, **KEPT, "allow_tags_filter": True},
            {"name": "closed", "presence": True, **KEPT},
            {"name": "bare"},
            {"name": "personal", "presence": True},
        ],
    },
}


@pytest.fixture(scope="session")
def server():
    program = Program(CONFIG)
    yield program
    program.stop()


@pytest.fixture(params=[False, True], ids=["json", "protobuf"])
def encoding(request):
    return Encoding(request.param)


@pytest.fixture
def api(server):
    with cent.Client(server.api, API_KEY) as client:
        yield client


@pytest.fixture
async def person(server, encoding):
    """A function that makes a client, connects it unless told otherwise, and takes it home at the end."""
    clients = []

    async def make(connect=True, **options):
        client = new_client(server.endpoint, encoding, **options)
        clients.append(client)
        if connect:
            await client.connect()
            await client.events.awaited("connected")
        return client

    yield make
    for client in clients:
        await client.disconnect()


@pytest.fixture
def channel(request):
    """A function that makes the test's own name in a namespace."""
    own = "".join(sign if sign.isalnum() else "-" for sign in request.node.name)
    return lambda namespace, word="a": f"{namespace}:{own}-{word}" if namespace else f"{own}-{word}"


@pytest.fixture
def subscribe():
    """A function that subscribes a client and waits until it stands; its record is `subscription.events`."""

    async def make(client, name, **options):
        events = SubscriptionRecord()
        subscription = client.new_subscription(
            name, events=events, min_resubscribe_delay=0.05, max_resubscribe_delay=0.3, **options
        )
        subscription.events = events
        await subscription.subscribe()
        await events.awaited("subscribed")
        return subscription

    return make
