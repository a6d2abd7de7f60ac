import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tools.servers.commands import ServerError
from tools.servers.process import Server, Spec, free_port, is_free

ROOT = Path(__file__).parents[3]

# Answers 200 on /; the first argument is Python that runs first.
SERVE = """
import http.server, sys
port = int(sys.argv[1])
{first}
http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def silent(line: str) -> None:
    pass


def serving(first: str = "") -> Callable[[int], Sequence[str]]:
    return lambda port: [sys.executable, "-c", SERVE.format(first=first), str(port)]


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return Spec("Tester", serving(), tmp_path / "run" / "log", "/", timeout=10, cwd=tmp_path)


@pytest.fixture
def server(spec: Spec) -> Iterator[Server]:
    with Server(spec, say=silent) as server:
        yield server


def gone(pid: int, within: float = 10.0) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_a_started_server_answers(server: Server) -> None:
    server.start()
    with urllib.request.urlopen(server.url) as answer:
        assert answer.status == 200
    assert server.running
    assert '"GET / HTTP/1.1" 200' in server.log.read_text()


def test_a_stopped_server_is_gone_and_its_port_free(server: Server) -> None:
    pid = server.start().pid
    server.stop()
    assert pid is not None
    assert gone(pid, within=0.1)
    assert is_free(server.port)
    assert server.pid is None
    server.stop()


def test_a_restarted_server_has_the_same_port_and_another_process(server: Server) -> None:
    server.start()
    url, pid = server.url, server.pid
    server.restart()
    assert server.url == url
    assert server.pid not in (pid, None)


def test_a_killed_server_starts_again_on_its_port(server: Server) -> None:
    url = server.start().url
    server.kill()
    assert not server.running
    assert server.start().url == url


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(spec: Spec) -> None:
    stubborn = serving("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with Server(replace(spec, command=stubborn), say=silent) as server:
        pid = server.start().pid
        server.stop(grace=0.1)
    assert pid is not None
    assert gone(pid, within=0.1)


def test_the_error_of_a_server_that_ends_while_starting_shows_the_end_of_its_log(spec: Spec) -> None:
    dying = serving("[print('line', number) for number in range(30)]; sys.exit(7)")
    server = Server(replace(spec, command=dying), say=silent)
    with pytest.raises(ServerError, match=r"Tester ended while starting \(exit code 7\); see ") as error:
        server.start()
    assert str(spec.log) in str(error.value)
    assert "line 10\n" in str(error.value)
    assert "line 9\n" not in str(error.value)
    assert str(error.value).endswith("line 29")


def test_a_server_that_is_not_healthy_in_time_is_heard_of_and_stopped(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.servers.process.SLOW_SECONDS", 0.1)
    said: list[str] = []
    server = Server(replace(spec, health="/missing", timeout=1), say=said.append)
    with pytest.raises(ServerError, match="Tester was not ready after 1 s"):
        server.start()
    assert not server.running
    assert said[0].startswith("  waiting for Tester ... ")


def test_a_taken_port_is_an_error_that_names_it(spec: Spec) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = Server(replace(spec, port=port), say=silent)
        with pytest.raises(ServerError, match=f"Tester: port {port} of 127.0.0.1 is taken .* another port"):
            server.start()
    assert not spec.log.exists()


def test_a_free_port_that_is_lost_to_another_process_is_replaced(spec: Spec) -> None:
    ports: list[int] = []

    def losing_the_first(port: int) -> Sequence[str]:
        ports.append(port)
        return serving("sys.exit('bind: address already in use')" if len(ports) == 1 else "")(port)

    with Server(replace(spec, command=losing_the_first), say=silent).start() as server:
        assert server.port == ports[1]
        assert len(ports) == 2


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(server: Server) -> None:
    pid = server.start().pid
    assert pid is not None
    assert os.getsid(pid) == pid


def test_a_server_outlives_the_thread_that_started_it(server: Server) -> None:
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    assert server.running
    with urllib.request.urlopen(server.url) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_does_not_outlive_the_process_that_started_it(tmp_path: Path, end: int) -> None:
    starter = f"""
import sys, time
from pathlib import Path
from tools.servers.process import Server, Spec
command = lambda port: [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
server = Server(Spec("Tester", command, Path({str(tmp_path)!r}) / "log", "/", timeout=10)).start()
print(server.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(end)
        process.wait()
    assert gone(pid)


def test_free_ports_are_below_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert free_port() < lowest
