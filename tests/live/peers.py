#!/usr/bin/env python3
"""Small clients and servers that the cases run inside namespaces: `peers.py ROLE ARGUMENTS...`. A server says "ready" first."""
import hashlib
import select
import socket
import struct
import sys
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def say(text):
    print(text, flush=True)


def udp_echo(address, port):
    """Sends every datagram back."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    say("ready")
    while True:
        data, sender = server.recvfrom(65536)
        server.sendto(data, sender)


def udp_ask(address, port, text, seconds="1"):
    """Sends one datagram and says what came back: the text, "nothing" or "refused"."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.settimeout(float(seconds))
    client.connect((address, int(port)))
    try:
        client.send(text.encode())
        say(client.recv(65536).decode(errors="replace"))
    except TimeoutError:
        say("nothing")
    except ConnectionRefusedError:
        say("refused")


def udp_collect(address, port, every):
    """Takes numbered datagrams; after every `every`th good one it tells the sender how far it is. Ends at the number 0xffffffff and
    says how many came, whether they came in order and without gap in the even numbers, and how many were odd."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind((address, int(port)))
    every = int(every)
    say("ready")
    came = bad = disorder = 0
    expected = 0
    while True:
        data, sender = server.recvfrom(2048)
        number, = struct.unpack_from("!I", data)
        if number == 0xffffffff:
            break
        came += 1
        if number % 2:
            bad += 1
        elif number != expected:
            disorder += 1
        expected = number + 2
        if came % every == 0:
            server.sendto(struct.pack("!I", number), sender)
    say(f"came {came} bad {bad} disorder {disorder}")


def udp_count(address, port, count, every):
    """Sends datagrams 0..count-1, the odd ones marked "bad", never more than a window ahead of what the collector has told."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.connect((address, int(port)))
    client.settimeout(30)
    count, every = int(count), int(every)
    window, told = every * 2 * 4, 0
    for number in range(count):
        while number - told > window:
            told, = struct.unpack("!I", client.recv(16))
        client.send(struct.pack("!I", number) + (b"bad" if number % 2 else b"good") + b" 18-byte..")
    time.sleep(0.5)
    client.send(struct.pack("!I", 0xffffffff) + b"end")
    say("sent")


def udp_burst(address, port, count):
    """Sends the even numbers of `count` datagrams at once, says "ready", and a while later the end."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.connect((address, int(port)))
    for number in range(int(count)):
        client.send(struct.pack("!I", 2 * number) + b"good")
    say("ready")
    time.sleep(5)
    client.send(struct.pack("!I", 0xffffffff) + b"end")


def tcp_sink(address, port):
    """Takes one connection after the other; says the length and hash of what came on each."""
    server = socket.create_server((address, int(port)), family=family(address))
    say("ready")
    while True:
        connection, _ = server.accept()
        digest, length = hashlib.sha256(), 0
        while data := connection.recv(1 << 20):
            digest.update(data)
            length += len(data)
        connection.sendall(f"{length} {digest.hexdigest()}".encode())
        connection.close()


def tcp_source(address, port, megabytes):
    """Sends so many megabytes that do not repeat; says what the sink answered and what it should have."""
    client = socket.create_connection((address, int(port)), timeout=60)
    digest, length = hashlib.sha256(), 0
    for block in range(int(megabytes)):
        data = hashlib.shake_128(struct.pack("!I", block)).digest(1 << 14) * 64
        digest.update(data)
        length += len(data)
        client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    answer = client.recv(1000).decode()
    say(f"{answer} {length} {digest.hexdigest()}")


def tcp_connect(address, port, seconds="10"):
    """Says how a connection attempt ended, and after how many milliseconds."""
    start = time.monotonic()
    try:
        socket.create_connection((address, int(port)), timeout=float(seconds)).close()
        result = "connected"
    except ConnectionRefusedError:
        result = "refused"
    except TimeoutError:
        result = "timeout"
    say(f"{result} {int((time.monotonic() - start) * 1000)}")


def http_server(address, port):
    """Answers every request with a small page; the header X-Colour is what the filters change."""
    server = socket.create_server((address, int(port)), family=family(address))
    say("ready")
    while True:
        connection, _ = server.accept()
        if select.select([connection], [], [], 5)[0]:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\nX-Colour: green\r\nContent-Length: 6\r\n\r\nhello\n")
        connection.close()


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
