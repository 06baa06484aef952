"""
HTTP/1.1 with connections that are kept, and a WebSocket that echoes. Each connection has a number, and its requests are
counted: a client can tell whether it is still the one that it opened.

    GET /lines?from=N&count=N&ms=N   so many lines with numbers, each a chunk, and so many milliseconds between them
    POST /digest                     how many bytes came, and their SHA-256
    GET /echo, as a WebSocket        every message comes back; "sum" is answered with what came before it
"""

import base64
import hashlib
import itertools
import json
import os
import signal
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

numbers = itertools.count(1)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.number = next(numbers)
        self.requests = 0

    def begin(self, status, **headers):
        self.requests += 1
        self.send_response(status)
        self.send_header("X-Connection", str(self.number))
        self.send_header("X-Request", str(self.requests))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/lines":
            asked = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
            self.lines(asked["from"], asked["count"], asked["ms"])
        elif url.path == "/echo" and self.headers.get("Upgrade", "").lower() == "websocket":
            self.echo()
        else:
            self.begin(404, Content_Length="0")

    def lines(self, first, count, ms):
        self.begin(200, Transfer_Encoding="chunked")
        for number in range(first, first + count):
            line = b"%d\n" % number
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            time.sleep(ms / 1000)
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        digest = hashlib.sha256()
        for at in range(0, length, 1 << 16):
            digest.update(self.rfile.read(min(1 << 16, length - at)))
        answer = json.dumps({"length": length, "sha256": digest.hexdigest()}).encode()
        self.begin(200, Content_Length=str(len(answer)))
        self.wfile.write(answer)

    def echo(self):
        # RFC 6455, as far as whole messages of a client that keeps to it.
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.begin(101, Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Accept=accept)
        self.close_connection = True
        messages, length, digest = 0, 0, hashlib.sha256()
        while (frame := self.frame()) is not None:
            opcode, payload = frame
            if opcode == 8:
                return self.answer(8, payload)
            if payload == b"sum":
                so_far = {"messages": messages, "length": length, "sha256": digest.hexdigest()}
                payload = json.dumps(so_far).encode()
            else:
                messages, length = messages + 1, length + len(payload)
                digest.update(payload)
            self.answer(10 if opcode == 9 else opcode, payload)

    def frame(self):
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 127
        if length == 126:
            (length,) = struct.unpack(">H", self.rfile.read(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.rfile.read(8))
        mask = self.rfile.read(4)
        repeated = (mask * (length // 4 + 1))[:length]
        masked = self.rfile.read(length)
        payload = int.from_bytes(masked, "big") ^ int.from_bytes(repeated, "big")
        return head[0] & 15, payload.to_bytes(length, "big")

    def answer(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = bytes([128 | opcode, length])
        elif length < 1 << 16:
            head = struct.pack(">BBH", 128 | opcode, 126, length)
        else:
            head = struct.pack(">BBQ", 128 | opcode, 127, length)
        self.wfile.write(head + payload)

    def log_message(self, *_):
        pass


# The first process of a container has no default for it.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer.request_queue_size = 128
# One socket for both IP versions, as most servers have it: clients of IPv4 have addresses of IPv6 there.
ThreadingHTTPServer.address_family = socket.AF_INET6
ThreadingHTTPServer(("::", int(sys.argv[1])), Connection).serve_forever()
