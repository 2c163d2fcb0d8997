"""Starts the Autobahn suite's wstest from the folder named in AUTOBAHN_SITE, listening on loopback only."""
import os
import site
import sys

site.addsitedir(os.environ["AUTOBAHN_SITE"])

from autobahntestsuite import choosereactor  # noqa: E402,F401 - picks epoll, so it comes before the reactor
from twisted.internet import reactor  # noqa: E402

listen_anywhere = reactor.listenTCP


def listen_on_loopback(port, factory, backlog=50, interface=""):
    return listen_anywhere(port, factory, backlog, interface or "127.0.0.1")


reactor.listenTCP = listen_on_loopback

from autobahntestsuite.wstest import run  # noqa: E402

sys.exit(run())
