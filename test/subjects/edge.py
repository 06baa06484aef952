"""
Connections in the rarer states, both ends of them: in a pod, and outside it.

    edge.py serve PORT             in the pod; PORT is for those outside that tell it what to do
    edge.py CASE ADDRESS PORT      outside: opens a connection to the pod there and brings it into the state of the case

The one outside prints a line of JSON when the state is reached, {"reached": CASE}. Whatever is to happen to the pod
happens then. A line on stdin, the address where the pod is by now or nothing, makes it finish: the last line printed is
{"errors": [...], "exchanges": N}, errors of both ends. Each end checks every byte on its own, and at last both compare how
many bytes, of which SHA-256, one sent and the other got.

Orders go by connections of their own, one for each, and none is there while the pod stands still.
"""

import fcntl
import hashlib
import itertools
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
import threading
import time

MIB = 1 << 20
# How long an end waits for the other at most, in seconds: longer than any pod may stand still.
PATIENCE = 60


class Stream:
    """Bytes that are the same for the same name, and different at every place."""

    def __init__(self, name):
        self.name, self.block, self.left = name.encode(), 0, b""
        self.length, self.digest = 0, hashlib.sha256()

    def peek(self, length):
        while len(self.left) < length:
            self.left += hashlib.shake_128(self.name + struct.pack(">Q", self.block)).digest(1 << 16)
            self.block += 1
        return self.left[:length]

    def passed(self, length):
        self.digest.update(self.left[:length])
        self.left = self.left[length:]
        self.length += length

    def summary(self):
        return [self.length, self.digest.hexdigest()]


class End:
    """One end of a connection: what it has sent, what it has got, and whether that was right."""

    def __init__(self, connection, own, other):
        self.socket = connection
        self.socket.settimeout(PATIENCE)
        self.sent, self.got = Stream(own), Stream(other)
        self.exchanges = 0

    def send(self, length):
        while length > 0:
            length -= self.send_some(length)

    def send_some(self, length):
        done = self.socket.send(self.sent.peek(min(length, 1 << 16)))
        self.sent.passed(done)
        return done

    def receive(self, length=1 << 62):
        """Takes so many bytes, fewer only at the end of the stream. Answers how many."""
        taken = 0
        while taken < length:
            chunk = self.socket.recv(min(1 << 16, length - taken))
            if chunk == b"":
                break
            if chunk != self.got.peek(len(chunk)):
                raise Wrong(f"other bytes than were sent, among the {len(chunk)} after the first {self.got.length}")
            self.got.passed(len(chunk))
            taken += len(chunk)
        return taken

    def expect(self, length):
        taken = self.receive(length)
        if taken != length:
            raise Wrong(f"{taken} bytes instead of {length}, and then the connection ended")

    def end_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def fill(self):
        """Sends until nothing more has gone for a moment: both queues are full then."""
        self.socket.setblocking(False)
        last = time.monotonic()
        while time.monotonic() - last < 0.5:
            try:
                self.send_some(1 << 16)
                last = time.monotonic()
            except BlockingIOError:
                time.sleep(0.02)
        self.socket.settimeout(PATIENCE)

    def summary(self):
        return {"sent": self.sent.summary(), "got": self.got.summary()}


class Wrong(Exception):
    pass


class Pause:
    """Between the state that a connection is brought into and what is done in it."""

    def __init__(self, on_reached=lambda: None):
        self.reached_event, self.over_event, self.on_reached = threading.Event(), threading.Event(), on_reached

    def reached(self):
        if not self.reached_event.is_set():
            self.reached_event.set()
            self.on_reached()

    @property
    def over(self):
        return self.over_event.is_set()

    def wait(self):
        self.reached()
        self.over_event.wait()


def pong(end, pause):
    while end.receive(10) == 10:
        end.send(10)
        end.exchanges += 1
        pause.reached()


def ping(end, pause):
    while not pause.over:
        end.send(10)
        end.expect(10)
        end.exchanges += 1
        pause.reached()
        time.sleep(0.01)
    end.end_sending()
    end.expect_end()


def expect_end(end):
    if end.receive(1) != 0:
        raise Wrong("something came after the last that was to come")


End.expect_end = expect_end


class Case:
    """As it is unless a case says otherwise. `options`: of both ends' sockets, (level, name): value."""

    options = {}
    # Nobody accepts it before the pause is over.
    accepted_late = False
    # The pod is the one that connects.
    dialled = False
    pod = staticmethod(pong)
    outside = staticmethod(ping)


class NoDelay(Case):
    options = {(socket.IPPROTO_TCP, socket.TCP_NODELAY): 1}


class KeepAlive(Case):
    """Nothing is sent meanwhile but the kernel's own questions."""

    options = {
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 1,
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 1,
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 10,
    }

    @staticmethod
    def outside(end, pause):
        end.send(10)
        end.expect(10)
        pause.wait()
        end.send(10)
        end.expect(10)
        end.end_sending()
        end.expect_end()


class DialOut(Case):
    dialled = True
    pod = staticmethod(ping)
    outside = staticmethod(pong)


class OutsideHalfClosed(Case):
    """The one outside has ended its half; the pod goes on sending."""

    @staticmethod
    def pod(end, pause):
        end.receive()
        pause.wait()
        end.send(3 * MIB)

    @staticmethod
    def outside(end, pause):
        end.send(300_000)
        end.end_sending()
        pause.wait()
        end.expect(3 * MIB)
        end.expect_end()


class PodHalfClosed(Case):
    """The pod has ended its half; the one outside goes on sending."""

    @staticmethod
    def pod(end, pause):
        end.send(300_000)
        end.end_sending()
        pause.reached()
        end.expect(3 * MIB)
        end.expect_end()

    @staticmethod
    def outside(end, pause):
        end.receive()
        pause.wait()
        end.send(3 * MIB)
        end.end_sending()


def unread(end, pause):
    end.fill()
    pause.wait()
    end.end_sending()
    end.receive()


class Unread(Case):
    """Both have sent all that goes, and neither has read any of it."""

    pod = staticmethod(unread)
    outside = staticmethod(unread)


class Unaccepted(Case):
    """Connected, as far as the one outside can tell; it has sent, and nobody has accepted it."""

    accepted_late = True

    @staticmethod
    def pod(end, pause):
        end.expect(30_000)
        end.send(30_000)

    @staticmethod
    def outside(end, pause):
        end.send(30_000)
        pause.wait()
        end.expect(30_000)
        end.expect_end()


def both_ways(end, pause):
    """Sends as fast as it goes and reads slower, so that the queues are full all the time; 8 MiB at least."""
    failed = []

    def send():
        try:
            while not pause.over or end.sent.length < 8 * MIB:
                end.send(1 << 16)
            end.end_sending()
        except Exception as error:
            failed.append(error)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    while end.receive(1 << 18) == 1 << 18:
        end.exchanges += 1
        if end.got.length >= MIB:
            pause.reached()
        if not pause.over:
            time.sleep(0.05)
    sender.join()
    if failed:
        raise failed[0]


class LargeWindow(Case):
    """Buffers of megabytes, of which the windows need their scale."""

    options = {(socket.SOL_SOCKET, socket.SO_RCVBUF): 4 * MIB, (socket.SOL_SOCKET, socket.SO_SNDBUF): 4 * MIB}
    pod = staticmethod(both_ways)
    outside = staticmethod(both_ways)


def waiting_bytes(connection):
    return struct.unpack("i", fcntl.ioctl(connection, termios.FIONREAD, b"\0" * 4))[0]


def until(condition, what):
    last = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > last:
            raise Wrong(f"{what}: not within {PATIENCE} s")
        time.sleep(0.01)


def expect_urgent(end, flags):
    got = end.socket.recv(1, flags)
    if got != b"!":
        raise Wrong(f"the urgent byte is {got!r} instead of b'!'")


class UrgentUnread(Case):
    """A byte that was sent as urgent waits beside the stream, with bytes before and after it in the stream."""

    options = {(socket.SOL_SOCKET, socket.SO_OOBINLINE): 0}
    flags = socket.MSG_OOB

    @classmethod
    def pod(cls, end, pause):
        until(lambda: waiting_bytes(end.socket) >= 1000, "the bytes before the urgent one")
        # It counts no further than to the mark.
        time.sleep(0.3)
        pause.wait()
        if cls.flags == socket.MSG_OOB:
            expect_urgent(end, cls.flags)
        end.expect(1000)
        if cls.flags == 0:
            expect_urgent(end, cls.flags)
        end.expect(1000)
        end.expect_end()

    @staticmethod
    def outside(end, pause):
        end.send(1000)
        end.socket.send(b"!", socket.MSG_OOB)
        end.send(1000)
        pause.wait()
        end.end_sending()
        end.expect_end()


class UrgentInline(UrgentUnread):
    """It waits in the stream itself."""

    options = {(socket.SOL_SOCKET, socket.SO_OOBINLINE): 1}
    flags = 0


class UrgentLater(Case):
    """An urgent byte is sent when all is over, on a connection that has seen none before."""

    @staticmethod
    def pod(end, pause):
        end.expect(10)
        end.send(10)
        pause.wait()
        # Unlike select it tells of the connection's end as well.
        look = select.poll()
        look.register(end.socket, select.POLLPRI)
        if not look.poll(PATIENCE * 1000):
            raise Wrong(f"no urgent byte within {PATIENCE} s")
        expect_urgent(end, socket.MSG_OOB)
        end.expect(10)
        end.expect_end()

    @staticmethod
    def outside(end, pause):
        end.send(10)
        end.expect(10)
        pause.wait()
        end.socket.send(b"!", socket.MSG_OOB)
        end.send(10)
        end.end_sending()
        end.expect_end()


CASES = {
    "no-delay": NoDelay,
    "keep-alive": KeepAlive,
    "dial-out": DialOut,
    "outside-half-closed": OutsideHalfClosed,
    "pod-half-closed": PodHalfClosed,
    "unread": Unread,
    "unaccepted": Unaccepted,
    "large-window": LargeWindow,
    "urgent-unread": UrgentUnread,
    "urgent-inline": UrgentInline,
    "urgent-later": UrgentLater,
}


def apply(case, connection):
    for (level, name), value in case.options.items():
        connection.setsockopt(level, name, value)


def look(case, connection):
    """What may not change: the options that the case has set, what both kernels agreed upon, and the window's scale."""
    options = {f"{level}/{name}": connection.getsockopt(level, name) for level, name in case.options}
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
    return {**options, "agreed": info[5], "scale": info[6]}


def work(case, side, connection, pause):
    """One end, from the beginning to the end. Answers what is to be compared with the other."""
    own, other = ("pod", "outside") if side == "pod" else ("outside", "pod")
    end = End(connection, own, other)
    errors, before = [], None
    try:
        before = look(case, connection)
        getattr(case, side)(end, pause)
        after = look(case, connection)
        if before != after:
            errors.append(f"{side}: the socket's options were {before} and are {after}")
    except (OSError, Wrong) as error:
        errors.append(f"{side}: {type(error).__name__}: {error}")
    connection.close()
    return {"errors": errors, "exchanges": end.exchanges, **end.summary()}


# ---- in the pod


class Task:
    def __init__(self, run):
        self.pause, self.result, self.done = Pause(), None, threading.Event()
        threading.Thread(target=self.run, args=(run,), daemon=True).start()

    def run(self, run):
        self.result = run(self.pause)
        # Nobody need wait for a state any more that was not reached.
        self.pause.reached()
        self.done.set()


tasks = []


def order(asked):
    if "open" in asked:
        return open_case(CASES[asked["open"]])
    if "dial" in asked:
        case = CASES[asked["dial"]]
        connection = socket.create_connection((asked["address"], asked["port"]), PATIENCE)
        return add(lambda pause: work(case, "pod", connection, pause))
    if "datagrams" in asked:
        return echo_datagrams()
    if "wait" in asked:
        tasks[asked["wait"]].pause.reached_event.wait(PATIENCE)
        return {}
    if "go" in asked:
        tasks[asked["go"]].pause.over_event.set()
        return {}
    task = tasks[asked["result"]]
    if not task.done.wait(PATIENCE):
        return {"errors": [f"pod: has not come to an end within {PATIENCE} s"]}
    return task.result


def add(run, **more):
    tasks.append(Task(run))
    return {"task": len(tasks) - 1, **more}


def open_case(case):
    # Of its own for each: a window's scale is agreed upon before anybody accepts.
    listener = socket.socket()
    apply(case, listener)
    listener.bind(("0.0.0.0", 0))
    listener.listen(1)

    def run(pause):
        if case.accepted_late:
            pause.wait()
        # What is accepted late has been there all the time, or is there no more.
        listener.settimeout(5 if case.accepted_late else PATIENCE)
        try:
            connection, _ = listener.accept()
        except OSError as error:
            return {"errors": [f"pod: nothing to accept: {error}"]}
        finally:
            listener.close()
        apply(case, connection)
        return work(case, "pod", connection, pause)

    return add(run, port=listener.getsockname()[1])


def echo_datagrams():
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind(("0.0.0.0", 0))
    echo.settimeout(0.1)

    def run(pause):
        count = 0
        while not pause.over:
            try:
                datagram, peer = echo.recvfrom(65535)
            except TimeoutError:
                continue
            count += 1
            echo.sendto(b"%d " % count + datagram, peer)
            pause.reached()
        echo.close()
        return {"errors": [], "exchanges": count}

    return add(run, port=echo.getsockname()[1])


def serve(port):
    # The first process of a container has no default for it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.create_server(("0.0.0.0", port), backlog=64)

    def answer(connection):
        with connection, connection.makefile("rw") as file:
            # Somebody who only looks whether the port is open says nothing.
            if line := file.readline():
                print(json.dumps(order(json.loads(line))), file=file, flush=True)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


# ---- outside it


class Pod:
    def __init__(self, address, port):
        self.address, self.port = address, port

    def order(self, **asked):
        with socket.create_connection((self.address, self.port), 10) as connection:
            # Longer than the pod's own patience: what it says then tells more.
            connection.settimeout(PATIENCE + 10)
            with connection.makefile("rw") as file:
                print(json.dumps(asked), file=file, flush=True)
                return json.loads(file.readline())


def say(**line):
    print(json.dumps(line), flush=True)


def on_word(pod, act):
    """Does it as soon as there is a line on stdin, which may say where the pod is by now."""

    def wait():
        if address := sys.stdin.readline().strip():
            pod.address = address
        act()

    threading.Thread(target=wait, daemon=True).start()


def run_outside(name, pod):
    case = CASES[name]
    opened = threading.Event()
    state = {}

    def reached():
        opened.wait()
        pod.order(wait=state["task"])
        say(reached=name)

    pause = Pause(reached)
    connection = dialled(name, pod, state) if case.dialled else connected(name, pod, state)
    opened.set()
    untold = []

    def finish():
        try:
            pod.order(go=state["task"])
        except (OSError, ValueError) as error:
            untold.append(f"outside: the pod cannot be told to finish: {error}")
        pause.over_event.set()

    on_word(pod, finish)
    ours = work(case, "outside", connection, pause)
    if ours["errors"] and not pause.over:
        finish()
    if untold:
        return {"errors": ours["errors"] + untold, "exchanges": ours["exchanges"]}
    theirs = pod.order(result=state["task"])
    errors = ours["errors"] + theirs["errors"]
    for one, of, other, by in ((ours, "outside", theirs, "pod"), (theirs, "pod", ours, "outside")):
        if one.get("sent") != other.get("got"):
            errors.append(f"{of} sent {one.get('sent')}, {by} got {other.get('got')}")
    return {"errors": errors, "exchanges": ours["exchanges"]}


def connected(name, pod, state):
    state.update(pod.order(open=name))
    connection = socket.socket()
    apply(CASES[name], connection)
    connection.settimeout(PATIENCE)
    connection.connect((pod.address, state["port"]))
    return connection


def dialled(name, pod, state):
    with socket.create_connection((pod.address, pod.port), 10) as towards:
        own = towards.getsockname()[0]
    with socket.create_server(("0.0.0.0", 0)) as listener:
        listener.settimeout(PATIENCE)
        state.update(pod.order(dial=name, address=own, port=listener.getsockname()[1]))
        connection, _ = listener.accept()
        return connection


def send_datagrams(pod):
    """Some may be lost, as datagrams are; none may come twice or be another, and at last one has to be answered."""
    task = pod.order(datagrams=True)
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ours.settimeout(0.2)
    pause = Pause(lambda: say(reached="datagrams"))
    on_word(pod, pause.over_event.set)
    errors, answered, lost, counted = [], set(), 0, 0
    last = None
    for number in itertools.count():
        if pause.over and last is None:
            last = time.monotonic() + 10
        try:
            ours.sendto(b"%d" % number, (pod.address, task["port"]))
            count, asked = map(int, ours.recv(65535).split())
        except OSError as error:
            lost += 1
            if last is not None and time.monotonic() > last:
                errors.append(f"outside: no datagram is answered any more: {error}")
                break
            continue
        if asked in answered or asked > number:
            errors.append(f"outside: the answer to {asked} came twice, or before it was sent")
        if count <= counted:
            errors.append(f"outside: the pod had counted {counted} datagrams and then {count}")
        answered.add(asked)
        counted = count
        pause.reached()
        if last is not None:
            break
        time.sleep(0.01)
    pod.order(go=task["task"])
    theirs = pod.order(result=task["task"])
    if theirs["exchanges"] < len(answered):
        errors.append(f"{len(answered)} answers came, the pod gave {theirs['exchanges']}")
    return {"errors": errors, "exchanges": len(answered), "lost": lost}


def main(what, *rest):
    if what == "serve":
        return serve(int(rest[0]))
    pod = Pod(rest[0], int(rest[1]))
    try:
        say(**(send_datagrams(pod) if what == "datagrams" else run_outside(what, pod)))
    except (OSError, ValueError) as error:
        say(errors=[f"outside: {type(error).__name__}: {error}"], exchanges=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
