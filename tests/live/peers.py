#!/usr/bin/env python3
"""Small clients and servers that the cases run inside namespaces: `peers.py ROLE ARGUMENTS...`. A server says "ready" first."""
import array
import contextlib
import fcntl
import hashlib
import select
import socket
import ssl
import struct
import sys
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
UDP_GRO = 104
UDP_SEGMENT = 103
SO_RCVBUFFORCE = 33
ETH_P_ALL = 3


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


def find_neighbour(address):
    """Waits until the kernel knows the neighbour at an address. What is sent before waits in a queue of its own, and while the kernel
    empties that queue, later datagrams overtake the ones in it."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.connect((address, 4999))
    client.settimeout(1.1)
    for _ in range(10):
        try:
            client.send(b"nobody listens here")
            client.recv(16)
        except ConnectionRefusedError:
            return
        except TimeoutError:  # too many refusals at once: the kernel sends one a second then
            pass
    raise SystemExit(f"{address} does not answer")


def udp_count(address, port, count, every):
    """Sends datagrams 0..count-1, the odd ones marked "bad", never more than a window ahead of what the collector has told."""
    find_neighbour(address)
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
    find_neighbour(address)
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


def tcp_source(address, port, megabytes, flip="0"):
    """Sends so many megabytes that do not repeat; says what the sink answered and what it should have, when each byte has the bits of
    `flip` turned over on its way."""
    flipped = bytes(byte ^ int(flip) for byte in range(256))
    client = socket.create_connection((address, int(port)), timeout=60)
    digest, length = hashlib.sha256(), 0
    for block in range(int(megabytes)):
        data = hashlib.shake_128(struct.pack("!I", block)).digest(1 << 14) * 64
        digest.update(data.translate(flipped))
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


def tcp_say(address, port, *texts):
    """Sends one text after the other over a connection, and says how each of them and the wait for an end went."""
    said = []
    with socket.create_connection((address, int(port)), timeout=5) as connection:
        try:
            for text in texts:
                connection.sendall(text.encode())
                said.append("sent")
                time.sleep(0.1)
            connection.settimeout(3)
            said.append("closed" if not connection.recv(100) else "answered")
        except ConnectionResetError:
            said.append("reset")
        except TimeoutError:
            said.append("nothing")
    say(" ".join(said))


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


def serve(server, talk):
    """A thread for each connection: one whose other end was reset behind its back waits on."""
    say("ready")
    while True:
        connection, _ = server.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def https_server(address, port, certificate, key):
    """Answers every request with the name it was asked for by SNI."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda connection, name, _: setattr(connection, "asked_for", name or "")
    def talk(connection):
        connection.settimeout(20)
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            name = secure.asked_for
            secure.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(name) + 1}\r\n\r\n{name}\n".encode())
    serve(socket.create_server((address, int(port)), family=family(address)), talk)


def modbus_server(address, port):
    """Answers every request: its head back, with the function code it had."""
    def talk(connection):
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(4096):
                connection.sendall(data[:4] + b"\0\2" + data[6:8])
    serve(socket.create_server((address, int(port)), family=family(address)), talk)


def modbus_ask(address, port, *functions):
    """Sends a request for each function code and says which one was answered, one after the other on one connection."""
    client = socket.create_connection((address, int(port)), timeout=60)
    for function in functions:
        client.sendall(struct.pack("!HHHBBHH", 1, 0, 6, 1, int(function), 0, 1))
        say(f"answered {client.recv(4096)[7]}")


def tcp_mss(address, port):
    """Takes one connection after the other and says what segment size it agreed on."""
    server = socket.create_server((address, int(port)), family=family(address))
    say("ready")
    while True:
        connection, _ = server.accept()
        say(f"mss {connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)}")
        connection.close()


def udp_flood(address, port, count, seconds):
    """Sends so many datagrams at once and says how many of them were answered within the time."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.connect((address, int(port)))
    for number in range(int(count)):
        with contextlib.suppress(PermissionError):  # dropped on the way out of this machine
            client.send(struct.pack("!I", number))
    end, answered = time.monotonic() + float(seconds), 0
    while (left := end - time.monotonic()) > 0:
        client.settimeout(left)
        try:
            client.recv(100)
            answered += 1
        except TimeoutError:
            break
    say(f"answered {answered}")


# What `ethtool -K INTERFACE NAME on|off` sets, by the numbers of linux/ethtool.h.
OFFLOADS = {"tx": 0x17, "tso": 0x1f, "gso": 0x24, "gro": 0x2c}


def offloads(interface, *settings):
    """Settings like "gro=1"."""
    for setting in settings:
        name, value = setting.split("=")
        command = array.array("B", struct.pack("II", OFFLOADS[name], int(value)))
        request = struct.pack("16sP", interface.encode(), command.buffer_info()[0])
        fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)  # SIOCETHTOOL
    say("done")


def feature(interface, name, on):
    """`ethtool -K INTERFACE NAME on|off`, for those that have no number."""
    def ask(form, *values, room=0):
        data = array.array("B", struct.pack(form, *values) + bytes(room))
        request = struct.pack("16sP", interface.encode(), data.buffer_info()[0])
        fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)  # SIOCETHTOOL
        return data.tobytes()
    count = struct.unpack_from("I", ask("IIQ", 0x37, 0, 1 << 4, room=4), 16)[0]  # ETHTOOL_GSSET_INFO, of ETH_SS_FEATURES
    names = ask("III", 0x1b, 4, count, room=32 * count)[12:]  # ETHTOOL_GSTRINGS
    place = [names[32 * i:32 * i + 32].rstrip(b"\0").decode() for i in range(count)].index(name)
    words = [0] * (2 * ((count + 31) // 32))
    words[2 * (place // 32)] = 1 << place % 32
    words[2 * (place // 32) + 1] = int(on) << place % 32
    ask(f"II{len(words)}I", 0x3b, len(words) // 2, *words)  # ETHTOOL_SFEATURES
    say("done")


def capture(interface, path, direction):
    """Writes the frames that come in or go out at an interface, whole, to a pcap file; until it is killed."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    tap.bind((interface, ETH_P_ALL))
    with open(path, "wb", buffering=0) as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 0x40000, 1))
        say("ready")
        while True:
            frame, sender = tap.recvfrom(0x20000)
            if (sender[2] == socket.PACKET_OUTGOING) == (direction == "out"):
                file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def udp_report(address, port):
    """Says of each datagram where it came from, its length and its hash."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    server.bind((address, int(port)))
    say("ready")
    while True:
        data, sender = server.recvfrom(65536)
        say(f"{sender[0]} {sender[1]} {len(data)} {hashlib.sha256(data).hexdigest()}")


def udp_send(address, port, size, segment="0"):
    """Sends `size` bytes in one datagram, or in several of `segment` bytes that leave this machine as one packet (GSO)."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    if int(segment):
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment))
    client.sendto(hashlib.shake_128(b"datagram").digest(int(size)), (address, int(port)))
    say("sent")


def echo_ask(address, text, seconds="2"):
    """ICMP echo; says what came back with the text: "answer" or "nothing"."""
    ipv6 = ":" in address
    client = socket.socket(family(address), socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP)
    client.settimeout(float(seconds))
    message = struct.pack(">BBHHH", 128 if ipv6 else 8, 0, 0, 77, 1) + text.encode()
    if not ipv6:
        padded = message + bytes(len(message) % 2)
        total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
        total = (total & 0xffff) + (total >> 16)
        message = message[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + message[4:]
    client.sendto(message, (address, 0))
    end = time.monotonic() + float(seconds)
    with contextlib.suppress(TimeoutError):
        while time.monotonic() < end:
            answer = client.recv(65536)
            answer = answer if ipv6 else answer[20:]
            if answer[0] == (129 if ipv6 else 0) and answer[8:] == text.encode():
                return say("answer")
    say("nothing")


def udp_train(address, port, segment, *words):
    """Sends datagrams of 100 bytes that begin with these words, in one buffer that is cut into `segment` bytes; then one to the next
    port, which tells udp_words() that they are over."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment))
    with contextlib.suppress(PermissionError):  # a filter on the way out tells the sender
        client.sendto(b"".join(word.encode().ljust(100, b".") for word in words), (address, int(port)))
    time.sleep(0.05)
    socket.socket(family(address), socket.SOCK_DGRAM).sendto(b"over", (address, int(port) + 1))
    say("sent")


def udp_words(address, port, gro="0"):
    """Says the first four bytes of each datagram, those that came in one buffer (with GRO) in one line, until udp_train() says that
    they are over."""
    server, end = (socket.socket(family(address), socket.SOCK_DGRAM) for _ in range(2))
    server.setsockopt(socket.IPPROTO_UDP, UDP_GRO, int(gro))
    server.bind((address, int(port)))
    end.bind((address, int(port) + 1))
    say("ready")
    over = False
    while readable := select.select([server] if over else [server, end], [], [], 0.3 if over else None)[0]:
        over = over or end in readable
        if server in readable:
            data, more, _, _ = server.recvmsg(65536, 64)
            size = next((struct.unpack("i", value)[0] for _, kind, value in more if kind == UDP_GRO), len(data))
            say(" ".join(data[at:at + 4].decode() for at in range(0, len(data), size)))


def gso_limits(interface, size):
    """Lets packets grow to `size` bytes until they are cut, over IPv6 and IPv4; older `ip` has no word for the latter. Says what the
    kernel said: "done" or an error."""
    attributes = b"".join(struct.pack("<HHI", 8, kind, int(size)) for kind in (41, 63))  # IFLA_GSO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE
    link = struct.pack("<BBHiII", 0, 0, 0, socket.if_nametoindex(interface), 0, 0)
    rtnetlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    rtnetlink.send(struct.pack("<IHHII", 16 + len(link) + len(attributes), 16, 5, 1, 0) + link + attributes)  # RTM_NEWLINK, acknowledged
    error = struct.unpack_from("<i", rtnetlink.recv(65536), 16)[0]
    say("done" if error == 0 else f"error {-error}")


def datagrams_send(address, port, segment, *words):
    """Sends the words as datagrams of `segment` bytes each in one packet (GSO), or one by one when that is 0."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    if int(segment):
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment))
    size = int(segment) or 100
    client.sendto(b"".join(word.encode().ljust(size, b".") for word in words), (address, int(port)))
    say("sent")


def datagrams_until_last(address, port):
    """Says the first four bytes of each datagram, until one is LAST and a moment has passed."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    say("ready")
    with contextlib.suppress(TimeoutError):
        while True:
            word = server.recv(65536)[:4].decode()
            say(word)
            if word == "LAST":
                server.settimeout(0.5)


def raw_send(interface, path):
    """Sends the frames of a pcap file (little-endian, as capture() writes it) as they are."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    tap.bind((interface, 0))
    with open(path, "rb") as file:
        file.read(24)
        while head := file.read(16):
            tap.send(file.read(struct.unpack("<IIII", head)[2]))
            time.sleep(0.002)
    say("sent")


def big_stream(address, port):
    """Sends what becomes large packets over TCP in one go, and waits for the answer."""
    stream = socket.create_connection((address, int(port)), timeout=60)
    stream.sendall(hashlib.shake_128(b"big").digest(1_500_000))
    stream.shutdown(socket.SHUT_WR)
    say(stream.recv(1000).decode())


def big_source(address, port, segment):
    """Sends what becomes large packets: over TCP in one go, and over UDP datagrams of growing size and bursts of them that leave
    this machine as one packet (GSO). No byte is like the one before."""
    data = hashlib.shake_128(b"big").digest(1_500_000)
    stream = socket.create_connection((address, int(port)), timeout=60)
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)
    stream.recv(1000)
    datagrams = socket.socket(family(address), socket.SOCK_DGRAM)
    datagrams.connect((address, int(port)))
    for size in [*range(0, 8900, 300), 8900]:
        datagrams.send(data[size:2 * size])
    if int(segment):
        datagrams.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(segment))
        for size in (10_000, 40_000, 62_000):
            datagrams.send(data[size:2 * size])
    say("sent")


def big_compare(address, port):
    """Takes what big-source sends, connection by connection; says how long it was, how many of its bytes are others, and how many of
    those have all bits turned over."""
    wanted = hashlib.shake_128(b"big").digest(1_500_000)
    server = socket.create_server((address, int(port)), family=family(address))
    say("ready")
    while True:
        connection, _ = server.accept()
        came = bytearray()
        while data := connection.recv(1 << 20):
            came += data
        pairs = [(old, new) for old, new in zip(wanted, came) if old != new]
        say(f"{len(came)} {len(pairs)} {sum(old ^ new == 255 for old, new in pairs)}")
        connection.sendall(b"taken")
        connection.close()


def tun_ask(interface, path, answer_path):
    """A packet of the file arrives at the TUN device; the next one as long that goes out there is written to the other file. What goes
    out is lost until the kernel has seen that somebody opened the device, so the packet arrives again until there is an answer."""
    device = open("/dev/net/tun", "r+b", buffering=0)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", interface.encode(), IFF_TUN | IFF_NO_PI))
    with open(path, "rb") as file:
        packet = file.read()
    for _ in range(50):
        device.write(packet)
        while select.select([device], [], [], 0.2)[0]:
            answer = device.read(1 << 20)
            if len(answer) == len(packet):
                with open(answer_path, "wb") as file:
                    file.write(answer)
                return say("answered")
    say("nothing")


def tunnel_send(interface, text):
    """Sends a frame with an IPv4 packet in an IPv4 packet, by a socket that tells the kernel of both."""
    def header(length, protocol):
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 7, 0, 64, protocol, 0, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
        total = sum(struct.unpack(">10H", packet))
        total = (total & 0xffff) + (total >> 16)
        return packet[:10] + struct.pack(">H", ~total & 0xffff) + packet[12:]
    inner = header(len(text), 253) + text.encode()
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0x0800))
    sender.send(b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x08\0" + header(len(inner), 4) + inner)


def frames_collect(interface, protocol):
    """Says each IPv4 frame of that protocol that arrives, in hexadecimal."""
    receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    receiver.bind((interface, ETH_P_ALL))
    say("ready")
    while True:
        frame, origin = receiver.recvfrom(65536)
        if frame[12:14] == b"\x08\0" and frame[23] == int(protocol) and origin[2] != socket.PACKET_OUTGOING:
            say(f"frame {frame.hex()}")


A2S_INFO = b"\xff\xff\xff\xffTSource Engine Query\0"


def a2s_server(address, port):
    """A Source engine server's information: a question without the right challenge is answered with one, others with the name of a
    map (https://developer.valvesoftware.com/wiki/Server_queries). Says how many questions came."""
    server = socket.socket(family(address), socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    say("ready")
    challenge, count = b"\x10\x20\x30\x40", 0
    while True:
        data, sender = server.recvfrom(65536)
        if not data.startswith(A2S_INFO):
            continue
        count += 1
        say(f"asked {count}")
        if data[len(A2S_INFO):] == challenge:
            server.sendto(b"\xff\xff\xff\xffI\x11a server\0de_dust\0", sender)
        else:
            server.sendto(b"\xff\xff\xff\xffA" + challenge, sender)


def a2s_ask(address, port, most):
    """Asks a Source engine server for its map, and again with each challenge that comes back, `most` times."""
    client = socket.socket(family(address), socket.SOCK_DGRAM)
    client.settimeout(5)
    client.connect((address, int(port)))
    challenge = b""
    for _ in range(int(most)):
        client.send(A2S_INFO + challenge)
        answer = client.recv(65536)
        if answer[:5] == b"\xff\xff\xff\xffI":
            return say("the map is " + answer[6:].split(b"\0")[1].decode())
        if len(answer) != 9 or answer[:5] != b"\xff\xff\xff\xffA":
            return say(f"{answer!r}?")
        challenge = answer[5:]
    say("challenged")


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
