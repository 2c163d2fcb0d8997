"""The PyPI library `websockets` as either end of a connection: does what a test tells it, tells the test what it hears.

`tests/tests/interop/program.rs` has the list of words.
"""

import asyncio
import base64
import os
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus


def say(*words):
    print(*words, flush=True)


def word(payload):
    """A payload as a word: never empty, without spaces."""
    payload = payload.encode() if isinstance(payload, str) else payload or b""
    return ":" + base64.b64encode(payload).decode()


def payload_of(text):
    return base64.b64decode(text[1:])


async def orders():
    """Lines of standard input, however long."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield line.split()


def say_open(connection, header):
    deflate = any("deflate" in extension.name for extension in connection.protocol.extensions)
    say("open", connection.subprotocol or "-", word(header), "deflate" if deflate else "plain")


async def listen(connection):
    """Tells of everything that the library shows: not of pings, which it answers by itself."""
    try:
        async for message in connection:
            say("text" if isinstance(message, str) else "binary", word(message))
    except ConnectionClosed:
        pass
    await connection.wait_closed()
    say("close", connection.close_code, word(connection.close_reason))


async def ping(connection, payload):
    answered = await connection.ping(payload)
    await answered
    say("pong", word(payload))


async def carry_out(connection, verb, *words):
    """Orders that are the same for both ends."""
    if verb == "text":
        await connection.send(payload_of(words[0]).decode())
    elif verb == "binary":
        await connection.send(payload_of(words[0]))
    elif verb == "fragments":
        parts = [payload_of(part) for part in words[1:]]
        await connection.send(parts if words[0] == "binary" else [part.decode() for part in parts])
    elif verb == "ping":
        await ping(connection, payload_of(words[0]))
    elif verb == "close":
        await connection.close(int(words[0]), payload_of(words[1]).decode())
    else:
        raise ValueError(verb)


def trusting():
    context = ssl.create_default_context(cafile=os.environ["INTEROP_CERTIFICATE"])
    # Newer versions ask more of an authority than a certificate has that signs itself.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def shown():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.environ["INTEROP_CERTIFICATE"])
    return context


async def run_server(reading, mode, security):
    current = []

    def request(connection, request):
        return connection.respond(403, "not here\n") if request.path == "/refused" else None

    def response(connection, request, response):
        response.headers["X-Greeting"] = "hello " + request.headers.get("X-Who", "")

    async def handle(connection):
        current[:] = [connection]
        say_open(connection, connection.request.headers.get("X-Who"))
        await listen(connection)

    async with serve(
        handle,
        "127.0.0.1",
        0,
        subprotocols=["chat.v2"],
        select_subprotocol=lambda _, asked: "chat.v2" if "chat.v2" in asked else None,
        compression="deflate" if mode == "deflate" else None,
        process_request=request,
        process_response=response,
        max_size=None,
        ping_interval=None,
        ssl=shown() if security == "tls" else None,
    ) as server:
        say("listening", server.sockets[0].getsockname()[1])
        async for order in reading:
            await carry_out(current[0], *order)


async def run_client(reading, url, protocols, who, mode):
    try:
        connection = await connect(
            url,
            subprotocols=None if protocols == "-" else protocols.split(","),
            additional_headers={"X-Who": payload_of(who).decode()},
            compression="deflate" if mode == "deflate" else None,
            ssl=trusting() if url.startswith("wss:") else None,
            max_size=None,
            ping_interval=None,
            proxy=None,
        )
    except InvalidStatus as refusal:
        say("refused", refusal.response.status_code)
        return
    say_open(connection, connection.response.headers.get("X-Greeting"))
    listening = asyncio.create_task(listen(connection))
    async for order in reading:
        await carry_out(connection, *order)
    listening.cancel()


async def main():
    reading = orders()
    verb, *words = await anext(reading)
    await (run_server if verb == "listen" else run_client)(reading, *words)


asyncio.run(main())
