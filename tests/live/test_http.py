"""curl against nginx (python's sockets when it is not there): a header rewritten in a TCP stream."""
from lab import Lab, expect, expect_equal, need, wait_until
from services import start_nginx

NGINX_SERVER = """
    listen 80; listen [::]:80;
    location / { add_header X-Colour green; return 200 "hello\\n"; }"""

SAME_LENGTH = """
function filter(hdr, pld, pkt)
  local at = tostring(pld):find('X-Colour: green', 1, true)
  if at then
    for i = 1, 5 do pld[at + 8 + i] = ('brown'):byte(i) end
  end
  return true
end
"""

OTHER_LENGTH = """
function filter(hdr, pld, pkt)
  local text, changes = tostring(pld):gsub('X%-Colour: green', 'X-Colour: ultramarine')
  if changes > 0 then pkt.payload = text end
  return true
end
"""


class HttpLab(Lab):
    def build(self):
        super().build()
        self.curl = need("curl")
        if not start_nginx(self, NGINX_SERVER):
            for version in (4, 6):
                self.peer(self.server, "http-server", self.address(version), "80")
        wait_until(lambda: self.get(4)[0] == 0 and self.get(6)[0] == 0, "the HTTP server answers")

    def get(self, version):
        """curl's exit status, the header X-Colour and the body."""
        address = self.address(version) if version == 4 else f"[{self.address(version)}]"
        done = self.client.run(self.curl, "-sS", "-i", "-m", "3", f"http://{address}/")
        head, _, body = done.stdout.partition("\n\n")
        colours = [line.split(": ")[1] for line in head.splitlines() if line.startswith("X-Colour: ")]
        return done.returncode, "".join(colours), body.strip()


def same_length(program, hook, namespace):
    with HttpLab(program) as lab:
        for version in (4, 6):
            judge = lab.filter(getattr(lab, namespace), lab.script(SAME_LENGTH), "--divert", hook, "--json")
            expect_equal(lab.get(version), (0, "brown", "hello"), "what curl got")
            expect_equal(judge.stop(), 0, "the filter's exit status")
            expect_equal(judge.summary()["modified"], 1, "modified packets")
            expect_equal(lab.get(version), (0, "green", "hello"), "what curl got afterwards")


def test_header_of_same_length_at_the_server(program):
    same_length(program, "out tcp sport 80", "server")


def test_header_of_same_length_at_the_client(program):
    same_length(program, "in tcp sport 80", "client")


def test_header_of_other_length_is_refused(program):
    """A longer payload would break the stream: a script error that says so, and the packet is blocked."""
    with HttpLab(program) as lab:
        for version in (4, 6):
            judge = lab.filter(lab.server, lab.script(OTHER_LENGTH), "--divert", "out tcp sport 80")
            status, colour, _ = lab.get(version)
            expect_equal((status, colour), (28, ""), "curl's exit status (28: time out) and header")
            judge.stop()
            error = judge.err()
            expect("filter.lua:4: script error: the payload cannot be replaced" in error, f"no clear error: {error}")
            expect("TCP" in error, f"the error does not say why: {error}")
            expect("script error" in error and "blocked" in judge.out(), f"not reported: {judge.out()}")
            expect_equal(lab.get(version), (0, "green", "hello"), "what curl got afterwards")


def test_errors_pass_when_asked(program):
    with HttpLab(program) as lab:
        judge = lab.filter(lab.server, lab.script(OTHER_LENGTH), "--divert", "out tcp sport 80", "--on-error", "pass")
        expect_equal(lab.get(4), (0, "green", "hello"), "what curl got, as it was sent")
        judge.stop()
        expect("script error" in judge.err(), f"the error is not reported: {judge.err()}")
