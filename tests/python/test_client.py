"""centrifuge-python: connections, subscriptions, and what they can ask."""

import asyncio
import re

import pytest
from cent import (
    BroadcastRequest,
    DisconnectRequest,
    HistoryRequest,
    PresenceRequest,
    PublishRequest,
    RefreshRequest,
    SubscribeRequest,
    UnsubscribeRequest,
)
from centrifuge import ClientState, DeltaType, Filter, ReplyError, StreamPosition, SubscriptionState

from people import SubscriptionRecord, seconds, soon, token, until


def values(encoding, events):
    return [encoding.unpack(context.pub.data) for context in events.all("publication")]


async def test_a_publication_of_the_api_arrives(api, person, subscribe, channel, encoding):
    subscription = await subscribe(await person(token=token(sub="ann")), channel("kept"))
    api.publish(PublishRequest(channel=channel("kept"), data={"text": "grüße"}, tags={"by": "api"}))
    [context] = await subscription.events.awaited("publication")
    assert encoding.unpack(context.pub.data) == {"text": "grüße"}
    assert (context.pub.offset, context.pub.tags, context.pub.info) == (1, {"by": "api"}, None)


async def test_a_publication_of_a_client_says_who_it_was(person, subscribe, channel, encoding):
    ann = await person(token=token(sub="ann", info={"name": "Ann"}))
    bob = await person(token=token(sub="bob"))
    heard = await subscribe(bob, channel("kept"))
    await ann.publish(channel("kept"), encoding.pack({"n": 1}))
    [context] = await heard.events.awaited("publication")
    assert context.pub.info.user == "ann"
    assert context.pub.info.client == ann.events.all("connected")[0].client
    assert encoding.unpack(context.pub.info.conn_info) == {"name": "Ann"}


async def test_a_token_that_is_over_is_fetched_anew(person):
    fetched = []

    async def get_token():
        fetched.append(1)
        return token(sub="ann", exp=seconds(60))

    client = await person(token=token(sub="ann", exp=seconds(-10)), get_token=get_token)
    assert (len(fetched), client.state) == (1, ClientState.CONNECTED)


async def test_a_connection_is_refreshed(api, person, subscribe, channel):
    fetched = []

    async def get_token():
        fetched.append(1)
        return token(sub="ann", exp=seconds(60), info={"fresh": True})

    client = await person(token=token(sub="ann", exp=soon()), get_token=get_token)
    await until(lambda: fetched, "the refresh")
    await subscribe(client, channel(""))
    present = api.presence(PresenceRequest(channel=channel(""))).presence
    assert [info.conn_info for info in present.values()] == [{"fresh": True}]
    assert len(client.events.all("connected")) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [("nonsense", 3500), (token(sub="ann", channel="x"), 3500), ("", 3501)],
    ids=["nonsense", "a-subscription-token", "none"],
)
async def test_a_bad_token_ends_it_for_good(person, given, code):
    client = await person(connect=False, token=given)
    await client.connect()
    [context] = await client.events.awaited("disconnected")
    assert context.code == code


@pytest.mark.parametrize(("namespace", "code"), [("closed", 103), ("nowhere", 102)], ids=["closed", "unknown"])
async def test_what_is_not_allowed_is_refused(person, channel, namespace, code):
    client = await person(token=token(sub="ann"))
    subscription = client.new_subscription(channel(namespace))
    ended = asyncio.get_running_loop().create_future()

    async def on_unsubscribed(context):
        ended.set_result(context.code)

    subscription.events.on_unsubscribed = on_unsubscribed
    await subscription.subscribe()
    assert await asyncio.wait_for(ended, 10) == code
    with pytest.raises(ReplyError) as refused:
        await client.publish(channel(namespace), b"1" if client._use_protobuf else 1)
    assert refused.value.code == code


WORDS = ["sub", "pub", "prs", "hst"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("match", ["exact", "wildcard", "regex"])
async def test_a_capability_opens_what_it_says(person, channel, encoding, word, match):
    name, other = channel("closed", "a"), channel("closed", "d")
    pattern = {"exact": name, "wildcard": f"*{name[1:]}", "regex": f"{re.escape(name[:-1])}[a-c]"}[match]
    client = await person(token=token(sub="ann", caps=[{"channels": [pattern], "match": match, "allow": [word]}]))

    async def subscribe(name):
        subscription = client.new_subscription(name, events=SubscriptionRecord())
        await subscription.subscribe()
        events = subscription.events
        await until(lambda: events.all("subscribed") or events.all("unsubscribed"), "an answer")
        return [context.code for context in events.all("unsubscribed")]

    async def refusal(asked):
        try:
            await asked
        except ReplyError as refused:
            return [refused.code]
        return []

    for where, allowed in ((name, [word]), (other, [])):
        refusals = {
            "sub": await subscribe(where),
            "pub": await refusal(client.publish(where, encoding.pack(1))),
            "prs": await refusal(client.presence(where)),
            "hst": await refusal(client.history(where, limit=1)),
        }
        assert refusals == {each: [] if each in allowed else [103] for each in WORDS}


async def test_presence(person, subscribe, channel, encoding):
    ann = await person(token=token(sub="ann", info={"name": "Ann"}))
    bob = await person(token=token(sub="bob"))
    room = await subscribe(ann, channel(""))
    await subscribe(bob, channel(""))
    clients = (await room.presence()).clients
    assert sorted(info.user for info in clients.values()) == ["ann", "bob"]
    [mine] = [info for info in clients.values() if info.user == "ann"]
    assert encoding.unpack(mine.conn_info) == {"name": "Ann"}
    stats = await room.presence_stats()
    assert (stats.num_clients, stats.num_users) == (2, 2)


async def test_joins_and_leaves(person, subscribe, channel):
    ann = await person(token=token(sub="ann"))
    room = await subscribe(ann, channel("told"))
    bob = await person(token=token(sub="bob"))
    theirs = await subscribe(bob, channel("told"))
    joined = await room.events.awaited("join", 2)
    assert [context.info.user for context in joined] == ["ann", "bob"]
    await theirs.unsubscribe()
    [left] = await room.events.awaited("leave")
    assert left.info.user == "bob"


async def test_history_by_pages(api, person, subscribe, channel, encoding):
    room = await subscribe(await person(token=token(sub="ann")), channel("kept"))
    for number in range(1, 8):
        api.publish(PublishRequest(channel=channel("kept"), data=number))

    def numbers(page):
        return [encoding.unpack(publication.data) for publication in page.publications]

    top = await room.history()
    assert (top.offset, top.publications) == (7, [])
    assert numbers(await room.history(limit=-1)) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(await room.history(limit=3, since=StreamPosition(2, top.epoch))) == [3, 4, 5]
    assert numbers(await room.history(limit=2, reverse=True)) == [7, 6]
    assert numbers(await room.history(limit=2, since=StreamPosition(4, top.epoch), reverse=True)) == [3, 2]
    with pytest.raises(ReplyError) as lost:
        await room.history(limit=1, since=StreamPosition(1, "elsewhere"))
    assert lost.value.code == 112


@pytest.mark.parametrize(("namespace", "heard"), [("kept", [1, 2, 3]), ("cache", [1, 3])])
async def test_what_was_missed_is_recovered(api, person, subscribe, channel, encoding, namespace, heard):
    client = await person(token=token(sub="ann"))
    room = await subscribe(client, channel(namespace))
    api.publish(PublishRequest(channel=channel(namespace), data=1))
    await room.events.awaited("publication")
    await client.disconnect()
    for number in (2, 3):
        api.publish(PublishRequest(channel=channel(namespace), data=number))
    await client.connect()
    await room.events.awaited("publication", len(heard))
    assert values(encoding, room.events) == heard
    again = room.events.all("subscribed")[-1]
    assert (again.was_recovering, again.recovered, again.recoverable) == (True, True, True)


async def test_a_forced_reconnect_loses_nothing(api, person, subscribe, channel, encoding):
    user = channel("", "user")
    client = await person(token=token(sub=user))
    room = await subscribe(client, channel("kept"))
    for round_number in range(1, 5):
        api.disconnect(DisconnectRequest(user=user, disconnect={"code": 4100, "reason": "move"}))
        for number in range(5):
            api.publish(PublishRequest(channel=channel("kept"), data=5 * round_number + number))
        await room.events.awaited("subscribed", round_number + 1)
    await room.events.awaited("publication", 20)
    assert values(encoding, room.events) == list(range(5, 25))
    assert [context.code for context in client.events.all("connecting")][1:] == [4100] * 4


async def test_deltas(api, person, subscribe, channel, encoding):
    client = await person(token=token(sub="ann"))
    room = await subscribe(client, channel("delta"), delta=DeltaType.FOSSIL)
    sent = [{"number": number, "text": "the same in all of them " * 5} for number in range(6)]
    for index, value in enumerate(sent):
        if index == 3:
            await room.events.awaited("publication", 3)
            await client.disconnect()
        if index == 5:
            await client.connect()
            await room.events.awaited("subscribed", 2)
        api.publish(PublishRequest(channel=channel("delta"), data=value, delta=True))
    await room.events.awaited("publication", 6)
    assert values(encoding, room.events) == sent


async def test_only_what_passes_the_filter(api, person, subscribe, channel, encoding):
    client = await person(token=token(sub="ann"))
    wanted = Filter.all(Filter.eq("kind", "a"), Filter.negate(Filter.gt("price", "10")))
    room = await subscribe(client, channel("tagged"), tags_filter=wanted)
    for number, tags in enumerate(
        [{"kind": "a"}, {"kind": "b"}, {"kind": "a", "price": "11"}, {"kind": "a", "price": "9"}]
    ):
        api.publish(PublishRequest(channel=channel("tagged"), data=number, tags=tags))
    await room.events.awaited("publication", 2)
    assert values(encoding, room.events) == [0, 3]


async def test_a_lost_position_asks_for_the_state(api, person, subscribe, channel, encoding):
    client = await person(token=token(sub="ann"))
    place = api.publish(PublishRequest(channel=channel("kept"), data=1))
    states = [StreamPosition(1, "elsewhere"), StreamPosition(place.offset, place.epoch)]

    async def get_state(_channel):
        return states.pop(0)

    room = await subscribe(client, channel("kept"), get_state=get_state)
    assert (states, room.events.all("subscribed")[0].recovered) == ([], True)
    api.publish(PublishRequest(channel=channel("kept"), data=2))
    await room.events.awaited("publication")
    assert values(encoding, room.events) == [2]


async def test_a_subscription_token_opens_and_is_refreshed(api, person, subscribe, channel):
    name = channel("closed")
    client = await person(token=token(sub="ann"))
    asked = []

    async def get_token(about):
        asked.append(about)
        end = soon() if len(asked) == 1 else seconds(60)
        return token(sub="ann", channel=about, exp=end, info={"turn": len(asked)})

    room = await subscribe(client, name, get_token=get_token)
    await until(lambda: len(asked) == 2, "the refresh")
    api.publish(PublishRequest(channel=name, data=1))
    await room.events.awaited("publication")
    assert (asked, len(room.events.all("subscribed"))) == ([name, name], 1)


async def test_the_api_unsubscribes_and_disconnects(api, person, subscribe, channel):
    user = channel("", "user")
    client = await person(token=token(sub=user))
    room = await subscribe(client, channel(""))
    api.unsubscribe(UnsubscribeRequest(user=user, channel=channel("")))
    [context] = await room.events.awaited("unsubscribed")
    assert (context.code, room.state) == (2000, SubscriptionState.UNSUBSCRIBED)
    api.disconnect(DisconnectRequest(user=user))
    [context] = await client.events.awaited("disconnected")
    assert context.code == 3503


async def test_subscriptions_of_the_server(api, person, channel, encoding):
    user = channel("", "user")
    client = await person(token=token(sub=user, channels=[channel("kept")]))
    await client.events.awaited("subscribed", channel=channel("kept"))
    await client.events.awaited("subscribed", channel=f"personal:#{user}")
    api.subscribe(SubscribeRequest(user=user, channel=channel("told"), data={"hello": "you"}))
    [context] = await client.events.awaited("subscribed", channel=channel("told"))
    assert encoding.unpack(context.data) == {"hello": "you"}
    [joined] = await client.events.awaited("join", channel=channel("told"))
    assert joined.info.user == user
    api.broadcast(BroadcastRequest(channels=[channel("kept"), channel("told"), f"personal:#{user}"], data="all"))
    publications = await client.events.awaited("publication", 3)
    assert {encoding.unpack(publication.pub.data) for publication in publications} == {"all"}
    api.unsubscribe(UnsubscribeRequest(user=user, channel=channel("told")))
    await client.events.awaited("unsubscribed", channel=channel("told"))


async def test_subscriptions_of_the_server_are_recovered(api, person, channel, encoding):
    client = await person(token=token(sub="ann", channels=[channel("kept")]))
    await client.events.awaited("subscribed", channel=channel("kept"))
    api.publish(PublishRequest(channel=channel("kept"), data=1))
    await client.events.awaited("publication")
    user = "ann"
    api.disconnect(
        DisconnectRequest(
            user=user, client=client.events.all("connected")[0].client, disconnect={"code": 4100, "reason": "move"}
        )
    )
    for number in (2, 3):
        api.publish(PublishRequest(channel=channel("kept"), data=number))
    publications = await client.events.awaited("publication", 3)
    assert [encoding.unpack(publication.pub.data) for publication in publications] == [1, 2, 3]


async def test_the_api_lets_a_connection_expire(api, person, channel):
    user = channel("", "user")
    client = await person(token=token(sub=user, exp=seconds(3_600)))
    api.refresh(RefreshRequest(user=user, expired=True))
    contexts = await client.events.awaited("connecting", 2)
    assert contexts[1].code == 3005


async def test_rpc_without_a_hook(person, encoding):
    client = await person(token=token(sub="ann"))
    with pytest.raises(ReplyError) as refused:
        await client.rpc("anything", encoding.pack({}))
    assert refused.value.code == 108


async def test_many_subscriptions_and_publications(api, person, subscribe, channel, encoding):
    client = await person(token=token(sub="ann"))
    names = [channel("", str(number)) for number in range(50)]
    rooms = await asyncio.gather(*(subscribe(client, name) for name in names))
    await asyncio.gather(*(client.publish(name, encoding.pack(name)) for name in names for _ in range(4)))
    for name, room in zip(names, rooms):
        await room.events.awaited("publication", 4)
        assert values(encoding, room.events) == [name] * 4
    for room in rooms:
        await room.unsubscribe()
    for name in names:
        await until(lambda name=name: not api.presence(PresenceRequest(channel=name)).presence, f"{name} is empty")
    assert api.history(HistoryRequest(channel=channel("kept"), limit=1)).publications == []
