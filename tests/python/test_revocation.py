"""cent revokes tokens and blocks users; centrifuge-python finds out, and stays out."""

import cent
import pytest
from cent import BlockUserRequest, InvalidateUserTokensRequest, RevokeTokenRequest, UnblockUserRequest
from centrifuge import ClientState

from people import seconds, token, until

INVALID_TOKEN = 3500
BAD_REQUEST = 107
NOT_AVAILABLE = 108


@pytest.fixture
def name(request):
    """A function that makes a name of the test's own, for a user or a token."""
    return lambda word="": f"{request.node.name} {word}"


async def expelled(client, times=1):
    """Waits until the client has been told to go and not to come back."""
    contexts = await client.events.awaited("disconnected", times)
    assert [context.code for context in contexts] == [INVALID_TOKEN] * times
    assert client.state == ClientState.DISCONNECTED


async def stays_out(client):
    """One who has been expelled tries again."""
    before = len(client.events.all("disconnected"))
    await client.connect()
    await expelled(client, before + 1)


async def lets_in(client):
    """Tries once to connect, and says what became of it."""

    def answers():
        return len(client.events.all("connected")) + len(client.events.all("disconnected"))

    before = answers()
    await client.connect()
    await until(lambda: answers() > before, "an answer")
    return client.state == ClientState.CONNECTED


async def refused(person, **options):
    client = await person(connect=False, **options)
    await client.connect()
    await expelled(client)
    assert client.events.all("connected") == []


async def round_trip(client, encoding):
    """The client is connected, and was so all the time."""
    await client.publish("anything", encoding.pack(1))
    assert len(client.events.all("connected")) == 1


async def test_a_revoked_token_is_worth_nothing(api, person, name, encoding):
    user = name()
    lost, kept = (token(sub=user, jti=name(word)) for word in ("lost", "kept"))
    holders = [await person(token=lost), await person(token=lost)]
    others = [await person(token=other) for other in (kept, token(sub=user), token(sub=name("lost")))]
    api.revoke_token(RevokeTokenRequest(uid=name("lost")))
    for client in holders:
        await expelled(client)
        await stays_out(client)
    await refused(person, token=lost)
    await refused(person, token=token(sub="somebody else", jti=name("lost")))
    for client in others:
        await round_trip(client, encoding)
    await person(token=kept)


async def test_who_is_away_does_not_come_back_with_a_revoked_token(api, person, name):
    client = await person(token=token(sub=name(), jti=name()))
    await client.disconnect()
    api.revoke_token(RevokeTokenRequest(uid=name()))
    await client.connect()
    contexts = await client.events.awaited("disconnected", 2)
    assert contexts[1].code == INVALID_TOKEN


async def test_a_revocation_ends_when_it_says(api, person, name):
    revoked = token(sub=name(), jti=name())
    api.revoke_token(RevokeTokenRequest(uid=name(), expire_at=seconds(4)))
    client = await person(connect=False, token=revoked)
    assert not await lets_in(client)
    await until(lambda: lets_in(client), "the token is good again")


async def test_a_refresh_with_a_revoked_token_ends_the_connection(api, person, name):
    async def get_token():
        return token(sub=name(), jti=name("next"), exp=seconds(60))

    api.revoke_token(RevokeTokenRequest(uid=name("next")))
    client = await person(token=token(sub=name(), jti=name("first"), exp=seconds(4)), get_token=get_token)
    await expelled(client)


async def test_a_revoked_subscription_token_opens_nothing(api, person, name, channel):
    async def get_token(about):
        return token(sub=name(), channel=about, jti=name("subscription"))

    api.revoke_token(RevokeTokenRequest(uid=name("subscription")))
    client = await person(token=token(sub=name()))
    await client.new_subscription(channel("closed"), get_token=get_token).subscribe()
    await expelled(client)


async def test_tokens_issued_before_are_worth_nothing(api, person, name, encoding):
    def issued(later, **more):
        return token(sub=name(), iat=seconds(later), **more)

    line = seconds(-60)
    old, silent = await person(token=issued(-120)), await person(token=token(sub=name()))
    fresh, other = await person(token=issued(-30)), await person(token=token(sub=name("other"), iat=seconds(-120)))
    api.invalidate_user_tokens(InvalidateUserTokensRequest(user=name(), issued_before=line))
    for client in (old, silent):
        await expelled(client)
        await stays_out(client)
    for client in (fresh, other):
        await round_trip(client, encoding)
    await person(token=issued(-30))
    # An earlier line does not bring back what a later one has ended.
    api.invalidate_user_tokens(InvalidateUserTokensRequest(user=name(), issued_before=seconds(-600)))
    await refused(person, token=issued(-120))


async def test_without_a_time_all_tokens_until_now_are_worth_nothing(api, person, name):
    client = await person(token=token(sub=name(), iat=seconds(-2)))
    api.invalidate_user_tokens(InvalidateUserTokensRequest(user=name()))
    await expelled(client)
    await stays_out(client)
    await person(token=token(sub=name(), iat=seconds(1)))


async def test_a_blocked_user_is_out_with_every_token(api, person, name, encoding):
    clients = [await person(token=token(sub=name())), await person(token=token(sub=name(), jti=name()))]
    other = await person(token=token(sub=name("other")))
    api.block_user(BlockUserRequest(user=name()))
    for client in clients:
        await expelled(client)
        await stays_out(client)
    await refused(person, token=token(sub=name(), iat=seconds()))
    await round_trip(other, encoding)
    api.unblock_user(UnblockUserRequest(user=name()))
    await clients[0].connect()
    await clients[0].events.awaited("connected", 2)
    await person(token=token(sub=name()))


async def test_a_block_ends_when_it_says(api, person, name):
    api.block_user(BlockUserRequest(user=name(), expire_at=seconds(4)))
    client = await person(connect=False, token=token(sub=name()))
    assert not await lets_in(client)
    await until(lambda: lets_in(client), "the user is welcome again")


async def test_who_is_not_blocked_may_be_unblocked(api, person, name):
    api.unblock_user(UnblockUserRequest(user=name()))
    await person(token=token(sub=name()))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (RevokeTokenRequest(uid=""), BAD_REQUEST),
        (RevokeTokenRequest(uid="x" * 256), BAD_REQUEST),
        (RevokeTokenRequest(uid="x", expire_at=1), BAD_REQUEST),
        (InvalidateUserTokensRequest(user=""), BAD_REQUEST),
        (InvalidateUserTokensRequest(user="x", channel="news"), NOT_AVAILABLE),
        (BlockUserRequest(user=""), BAD_REQUEST),
        (BlockUserRequest(user="x", expire_at=1), BAD_REQUEST),
    ],
    ids=lambda value: getattr(value, "api_method", value),
)
def test_what_cannot_be_revoked(api, request_, code):
    with pytest.raises(cent.CentApiResponseError) as refusal:
        getattr(api, request_.api_method)(request_)
    assert refusal.value.code == code
