"""The real nginx with the files that ``hearthgate nginx`` writes, and clients that misuse it."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from tests.e2e.processes import ROOT
from tests.support.case_systems import free_port

START_WITHIN_S = 30.0
# What Debian's own nginx.conf says around conf.d, in a folder of the test's.
_AROUND = """
daemon off;
pid "{folder}/nginx.pid";
error_log "{folder}/nginx.log" alert;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path "{folder}/body";
    proxy_temp_path "{folder}/proxy";
    fastcgi_temp_path "{folder}/fastcgi";
    uwsgi_temp_path "{folder}/uwsgi";
    scgi_temp_path "{folder}/scgi";
    access_log off;
    include "{folder}/conf.d/*.conf";
}}
"""


def written(config: Path, *options: str) -> str:
    """Run ``hearthgate nginx`` and return what it writes."""
    command = [sys.executable, "-c", "from gateway.cli.main import main; main()", "nginx", "--config", str(config)]
    return subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True, text=True).stdout


@contextmanager
def nginx(folder: Path, files: Sequence[str], ports: Sequence[int]) -> Iterator[None]:
    """Run nginx with these files in its ``conf.d`` until the block ends."""
    (folder / "conf.d").mkdir(parents=True)
    for number, text in enumerate(files):
        (folder / "conf.d" / f"{number}.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(_AROUND.format(folder=folder))
    program = program_path()
    assert program is not None
    process = subprocess.Popen([program, "-e", "stderr", "-c", str(main)], stderr=subprocess.PIPE)
    try:
        for port in ports:
            _wait(process, port)
        yield
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert said == b""


def program_path() -> str | None:
    """Return where nginx is, which Debian puts where only root's path leads."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at."""
    return [free_port() for _ in range(count)]


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_WITHIN_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                _, said = process.communicate(timeout=5)
                raise RuntimeError(f"nginx did not start: {said.decode()}") from None
            time.sleep(0.05)
        else:
            return


def tls(port: int, host: str, ca: Path) -> ssl.SSLSocket:
    """Open a connection whose certificate proves ``host``."""
    context = ssl.create_default_context(cafile=str(ca))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 30), server_hostname=host)


def said(sock: ssl.SSLSocket) -> bytes:
    """Read until the other end closes."""
    data = b""
    with suppress(OSError):
        while piece := sock.recv(65_536):
            data += piece
    return data


@contextmanager
def slow_headers(count: int, port: int, host: str, ca: Path) -> Iterator[list[ssl.SSLSocket]]:
    """Keep so many connections busy with headers that never end, one byte now and then; a cut one is left cut."""
    sockets = [tls(port, host, ca) for _ in range(count)]
    for sock in sockets:
        sock.sendall(f"GET /.well-known/openid-federation HTTP/1.1\r\nHost: {host}\r\nX-Slow: ".encode())
    done = Event()

    def drip() -> None:
        while not done.wait(0.5):
            for sock in sockets:
                with suppress(OSError):
                    sock.sendall(b"x")

    dripping = Thread(target=drip)
    dripping.start()
    try:
        yield sockets
    finally:
        done.set()
        dripping.join()
        for sock in sockets:
            sock.close()
