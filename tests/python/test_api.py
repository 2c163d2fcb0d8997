"""cent: every method of the HTTP API."""

import uuid

import cent
import pytest
from cent import (
    BatchRequest,
    BroadcastRequest,
    CentApiResponseError,
    ChannelsRequest,
    DisconnectRequest,
    HistoryRemoveRequest,
    HistoryRequest,
    InfoRequest,
    PresenceRequest,
    PresenceStatsRequest,
    PublishRequest,
    RefreshRequest,
    StreamPosition,
    SubscribeRequest,
    UnsubscribeRequest,
)

from conftest import API_KEY
from people import Encoding, new_client, seconds, token, until


@pytest.fixture
async def visitor(server):
    """A connection of one user, in JSON."""
    user = f"visitor-{uuid.uuid4()}"
    client = new_client(server.endpoint, Encoding(False), token=token(sub=user, info={"name": "V"}))
    await client.connect()
    [context] = await client.events.awaited("connected")
    client.user, client.id = user, context.client
    yield client
    await client.disconnect()


def published(api, channel):
    page = api.history(HistoryRequest(channel=channel, limit=-1))
    return [publication.data for publication in page.publications]


def test_publish_says_where(api, channel):
    first = api.publish(PublishRequest(channel=channel("kept"), data={"n": 1}))
    second = api.publish(PublishRequest(channel=channel("kept"), data=[None, "x", 1.5]))
    assert (first.offset, second.offset) == (1, 2)
    assert first.epoch and first.epoch == second.epoch
    bare = api.publish(PublishRequest(channel=channel("bare"), data=0))
    assert bare.offset == 0
    assert published(api, channel("kept")) == [{"n": 1}, [None, "x", 1.5]]


def test_publish_with_all_its_options(api, channel):
    name = channel("kept")
    api.publish(PublishRequest(channel=name, data=None, b64data="eyJieSI6ImJhc2U2NCJ9", tags={"a": "b"}))
    passing = api.publish(PublishRequest(channel=name, data="passing", skip_history=True))
    assert passing.offset in (0, 1)
    page = api.history(HistoryRequest(channel=name, limit=10))
    assert [(publication.data, publication.tags) for publication in page.publications] == [
        ({"by": "base64"}, {"a": "b"})
    ]


def test_one_idempotency_key_one_publication(api, channel):
    name = channel("kept")
    results = [
        api.publish(PublishRequest(channel=name, data=data, idempotency_key="one")) for data in ("first", "second")
    ]
    assert results[0] == results[1]
    api.publish(PublishRequest(channel=name, data="third", idempotency_key="two"))
    elsewhere = channel("kept", "b")
    api.publish(PublishRequest(channel=elsewhere, data="first", idempotency_key="one"))
    assert published(api, name) == ["first", "third"]
    assert published(api, elsewhere) == ["first"]
    for _ in range(2):
        api.broadcast(BroadcastRequest(channels=[name, elsewhere], data="all", idempotency_key="three"))
    assert published(api, name) == ["first", "third", "all"]


def test_an_older_version_is_not_published(api, channel):
    name = channel("kept")
    for version in (1, 3, 2, 3, 4):
        api.publish(PublishRequest(channel=name, data=version, version=version))
    assert published(api, name) == [1, 3, 4]
    api.publish(PublishRequest(channel=name, data="anew", version=1, version_epoch="second life"))
    api.publish(PublishRequest(channel=name, data="without", idempotency_key="none"))
    assert published(api, name) == [1, 3, 4, "anew", "without"]


def test_broadcast_answers_for_each_channel(api, channel):
    names = [channel("kept"), channel("nowhere"), channel("kept", "b")]
    responses = api.broadcast(BroadcastRequest(channels=names, data="all")).responses
    assert [response.error.code if response.error else response.result.offset for response in responses] == [1, 102, 1]
    assert responses[0].result.epoch != ""


def test_history_by_position(api, channel):
    name = channel("kept")
    for number in range(1, 6):
        api.publish(PublishRequest(channel=name, data=number))
    top = api.history(HistoryRequest(channel=name))
    assert (top.offset, top.publications) == (5, [])
    since = StreamPosition(offset=2, epoch=top.epoch)

    def numbers(**request):
        return [publication.data for publication in api.history(HistoryRequest(channel=name, **request)).publications]

    assert numbers(limit=2) == [1, 2]
    assert numbers(limit=2, since=since) == [3, 4]
    assert numbers(limit=-1, since=since) == [3, 4, 5]
    assert numbers(limit=2, reverse=True) == [5, 4]
    assert numbers(limit=5, since=since, reverse=True) == [1]
    assert [publication.offset for publication in api.history(HistoryRequest(channel=name, limit=-1)).publications] == [
        1,
        2,
        3,
        4,
        5,
    ]
    with pytest.raises(CentApiResponseError) as lost:
        numbers(limit=1, since=StreamPosition(offset=2, epoch="elsewhere"))
    assert lost.value.code == 112


def test_history_is_removed(api, channel):
    name = channel("kept")
    first = api.publish(PublishRequest(channel=name, data=1))
    api.history_remove(HistoryRemoveRequest(channel=name))
    assert published(api, name) == []
    api.publish(PublishRequest(channel=name, data=2))
    assert published(api, name) == [2]
    assert first.offset == 1


async def test_presence_of_a_connection(api, visitor, channel):
    name = channel("")
    assert api.presence(PresenceRequest(channel=name)).presence == {}
    stats = api.presence_stats(PresenceStatsRequest(channel=name))
    assert (stats.num_clients, stats.num_users) == (0, 0)
    api.subscribe(SubscribeRequest(user=visitor.user, channel=name, info={"seat": 1}))
    present = api.presence(PresenceRequest(channel=name)).presence
    info = present[visitor.id]
    assert (info.client, info.user, info.conn_info, info.chan_info) == (
        visitor.id,
        visitor.user,
        {"name": "V"},
        {"seat": 1},
    )
    stats = api.presence_stats(PresenceStatsRequest(channel=name))
    assert (stats.num_clients, stats.num_users) == (1, 1)
    api.unsubscribe(UnsubscribeRequest(user=visitor.user, channel=name))
    assert api.presence(PresenceRequest(channel=name)).presence == {}


async def test_subscribe_for_one_client_only(server, api, visitor, channel):
    name = channel("")
    other = new_client(server.endpoint, Encoding(False), token=token(sub=visitor.user))
    await other.connect()
    await other.events.awaited("connected")
    api.subscribe(SubscribeRequest(user=visitor.user, channel=name, client=visitor.id))
    assert list(api.presence(PresenceRequest(channel=name)).presence) == [visitor.id]
    api.subscribe(SubscribeRequest(user="somebody else", channel=name, client=visitor.id))
    api.unsubscribe(UnsubscribeRequest(user=visitor.user, channel=name, client="unknown"))
    assert list(api.presence(PresenceRequest(channel=name)).presence) == [visitor.id]
    await other.disconnect()


async def test_subscribe_overrides_options(api, visitor, channel):
    name = channel("")
    override = cent.ChannelOptionsOverride(presence=cent.BoolValue(value=False))
    api.subscribe(SubscribeRequest(user=visitor.user, channel=name, override=override, b64data="eyJhIjoxfQ=="))
    [context] = await visitor.events.awaited("subscribed", channel=name)
    assert context.data == {"a": 1}
    assert api.presence(PresenceRequest(channel=name)).presence == {}


async def test_refresh_keeps_a_connection(api, visitor):
    api.refresh(RefreshRequest(user=visitor.user, client=visitor.id, expire_at=seconds(600)))
    api.refresh(RefreshRequest(user=visitor.user, client="unknown", expired=True))
    api.disconnect(DisconnectRequest(user=visitor.user, client="unknown"))
    api.disconnect(DisconnectRequest(user=visitor.user, whitelist=[visitor.id]))
    await visitor.publish("anything", 1)
    assert len(visitor.events.all("connected")) == 1


async def test_channels_by_pattern(api, visitor, channel):
    names = [channel("", "one"), channel("", "two"), channel("told", "one")]
    for name in names:
        api.subscribe(SubscribeRequest(user=visitor.user, channel=name))
    everything = api.channels(ChannelsRequest()).channels
    assert set(names) <= set(everything)
    assert everything[names[0]].num_clients == 1
    some = api.channels(ChannelsRequest(pattern=f"{names[0][:-3]}*")).channels
    assert set(some) == set(names[:2])
    assert api.channels(ChannelsRequest(pattern="no-such-channel*")).channels == {}


async def test_info_counts(api, visitor):
    def counted():
        [node] = api.info(InfoRequest()).nodes
        counts = (node.num_clients, node.num_users, node.num_subs, node.num_channels)
        return node if min(counts) >= 1 else None

    # A server may count every few seconds only.
    node = await until(counted, "everything is counted")
    assert node.uid and node.name and node.version
    assert node.uptime >= 0


@pytest.mark.parametrize("parallel", [False, True])
def test_batch(api, channel, parallel):
    name = channel("kept")
    requests = [
        PublishRequest(channel=name, data=1),
        HistoryRequest(channel=channel("kept", "b"), limit=1),
        InfoRequest(),
    ]
    replies = api.batch(BatchRequest(requests=requests, parallel=parallel)).replies
    assert (replies[0].offset, replies[1].publications, len(replies[2].nodes)) == (1, [], 1)


def test_a_batch_keeps_its_order(api, channel):
    name = channel("kept")
    requests = [PublishRequest(channel=name, data=number) for number in range(1, 11)]
    replies = api.batch(BatchRequest(requests=requests)).replies
    assert [reply.offset for reply in replies] == list(range(1, 11))
    assert published(api, name) == list(range(1, 11))


async def test_the_asynchronous_client(server, channel):
    async with cent.AsyncClient(server.api, API_KEY) as api:
        result = await api.publish(PublishRequest(channel=channel("kept"), data=1))
        assert result.offset == 1
        page = await api.history(HistoryRequest(channel=channel("kept"), limit=5))
        assert [publication.data for publication in page.publications] == [1]
        assert len((await api.info(InfoRequest())).nodes) == 1


def test_a_wrong_key_is_unauthorized(server):
    with cent.Client(server.api, "guess") as stranger:
        with pytest.raises(cent.CentUnauthorizedError):
            stranger.info(InfoRequest())


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda name: PublishRequest(channel="nowhere:x", data=1), 102),
        (lambda name: PublishRequest(channel="", data=1), 107),
        (lambda name: PublishRequest(channel=name, data=1, b64data="***"), 107),
        (lambda name: BroadcastRequest(channels=[], data=1), 107),
        (lambda name: SubscribeRequest(user="x", channel=""), 107),
        (lambda name: SubscribeRequest(user="x", channel="nowhere:x"), 102),
        (lambda name: UnsubscribeRequest(user="x", channel="nowhere:x"), 102),
        (lambda name: PresenceRequest(channel=""), 107),
        (lambda name: PresenceRequest(channel="nowhere:x"), 102),
        (lambda name: PresenceRequest(channel="bare:x"), 108),
        (lambda name: PresenceStatsRequest(channel="bare:x"), 108),
        (lambda name: HistoryRequest(channel=""), 107),
        (lambda name: HistoryRequest(channel="nowhere:x"), 102),
        (lambda name: HistoryRequest(channel="bare:x"), 108),
        (lambda name: HistoryRemoveRequest(channel="bare:x"), 108),
    ],
)
def test_errors_are_raised_with_their_code(api, channel, request_of, code):
    request = request_of(channel("kept"))
    with pytest.raises(CentApiResponseError) as refused:
        getattr(api, request.api_method)(request)
    assert refused.value.code == code


async def test_done_means_done(api, visitor, channel):
    """What is published right after a subscribe is delivered, and after an unsubscribe it is not."""
    for round_number in range(30):
        name = channel("", str(round_number))
        api.subscribe(SubscribeRequest(user=visitor.user, channel=name))
        api.publish(PublishRequest(channel=name, data="heard"))
        api.unsubscribe(UnsubscribeRequest(user=visitor.user, channel=name))
        api.publish(PublishRequest(channel=name, data="unheard"))
    await until(lambda: len(visitor.events.all("unsubscribed")) >= 30, "the last unsubscribe")
    heard = [(context.channel, context.pub.data) for context in visitor.events.all("publication")]
    assert heard == [(channel("", str(number)), "heard") for number in range(30)]
