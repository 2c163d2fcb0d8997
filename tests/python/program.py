"""The wavecast program as a child process: on a port of its own, with its log at hand."""

import json
import os
import queue
import re
import subprocess
import tempfile
import threading
from pathlib import Path

START_MAX_S = 20
LISTENING = re.compile(r"listening on (http://[\w.:\[\]-]+:\d+)")


class Program:
    """A running server. `origin` is its scheme, host and port, without a trailing slash."""

    def __init__(self, config):
        self._folder = tempfile.TemporaryDirectory(prefix="wavecast-")
        file = Path(self._folder.name) / "config.json"
        file.write_text(json.dumps(config))
        words = [tested(), "serve", "--port", "0", "--address", "127.0.0.1", "--config", str(file)]
        self.log = []
        self._lines = queue.Queue()
        self._child = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=plain_environment()
        )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.origin = self._address()
        except BaseException:
            self.stop()
            raise

    @property
    def endpoint(self):
        return self.origin.replace("http://", "ws://") + "/connection/websocket"

    @property
    def api(self):
        return self.origin + "/api"

    def stop(self):
        self._child.kill()
        self._child.wait()
        self._folder.cleanup()

    def _read(self):
        for line in self._child.stdout:
            self.log.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def _address(self):
        while True:
            line = self._lines.get(timeout=START_MAX_S)
            if line is None:
                raise RuntimeError("wavecast ended:\n" + "".join(self.log))
            found = LISTENING.search(line)
            if found:
                return found.group(1)


def tested():
    """`$TESTED_WAVECAST`, else what cargo built last into the usual folder."""
    given = os.environ.get("TESTED_WAVECAST")
    if given:
        return given
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[2] / "target"))
    for profile in ("debug", "release"):
        built = target / profile / "wavecast"
        if built.exists():
            return str(built)
    raise RuntimeError(f"no wavecast in {target}: cargo build -p wavecast-cli")


def plain_environment():
    """Variables of whoever runs the tests may not configure the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("WAVECAST_", "CENTRIFUGO_"))}
