// Maps as scripts see them.
#include <atomic>
#include <string>

#include "script/maps/map_store.h"
#include "state_helpers.h"

namespace perilune::script {
namespace {

class TestClock final : public Clock {
 public:
  uint64_t now_ns() const override { return now.load(); }
  std::atomic<uint64_t> now{1'000'000'000'000U};
};

// Runs `body` at packet time after the declarations; its result or error as text.
std::string run_map(const std::string& declarations, const std::string& body, const Options& options = {}) {
  auto state = load(declarations + "\nfunction filter() " + body + "\nend", options);
  return state ? call(*state) : "did not load";
}

std::string load_error(const std::string& declaration) {
  return load_failure(declaration + "\nfunction filter() end").message;
}

TEST(MapScript, HashReadsWritesDeletes) {
  EXPECT_EQ(run_map("m = map.hash{key='u16', value='u32', size=10}", R"(
    assert(m[1] == nil and #m == 0)
    m[1] = 5
    m[2] = 0
    assert(m[1] == 5 and m[2] == 0 and #m == 2)
    m[1] = nil
    m[77] = nil
    assert(m[1] == nil and #m == 1)
    assert(m:get(2) == 0 and map.get(m, 2) == 0)
    m:set(3, 9) map.set(m, 4, 10)
    assert(m[3] == 9 and m[4] == 10)
    m:set(3, nil)
    assert(m[3] == nil)
    assert(m[nil] == nil)
    assert(m[2.0] == 0)
    return 'ok')"),
            "ok");
}

TEST(MapScript, AddIsOneStepAndWraps) {
  EXPECT_EQ(run_map("m = map.hash{key='u8', value='u8', size=4} s = map.hash{key='u8', value='i16', size=4}", R"(
    assert(m:add(1, 1) == 1 and m:add(1) == 2 and m:add(1, 250) == 252 and m:add(1, 10) == 6)
    assert(m:add(2, -1) == 255)
    assert(map.add(s, 1, -5) == -5 and s:add(1, -32768) == 32763)
    return 'ok')"),
            "ok");
}

TEST(MapScript, EveryShapeKeepsItsValues) {
  EXPECT_EQ(run_map(R"(
    local function try(shape, ...)
      local m = map.hash{key=shape, value=shape, size=100}
      for _, v in ipairs{...} do
        m[v] = v
        assert(m[v] == v, shape .. ' ' .. tostring(v))
      end
    end
    try('u8', 0, 1, 255) try('i8', -128, 127) try('u16', 0, 65535) try('i16', -32768, 32767)
    try('u32', 0, 4294967295) try('i32', -2147483648, 2147483647)
    try('u64', 0, -1, math.maxinteger, math.mininteger) try('i64', 0, -1, math.maxinteger, math.mininteger)
    try('bool', true, false)
    try('ipv4', '\1\2\3\4', '\0\0\0\0') try('ipv6', ('\0'):rep(16), ('\255'):rep(16))
    try('ip', '\1\2\3\4', ('\1'):rep(16)) try('mac', '\1\2\3\4\5\6')
    try('string:5', '', 'a', 'a\0', '\0\0\0\0\0', 'abcde')
    try('string:255', ('x'):rep(255)))",
                    "return 'ok'"),
            "ok");
}

TEST(MapScript, StringsOfDifferentLengthAreDifferentKeys) {
  EXPECT_EQ(run_map("m = map.hash{key='string:8', value='u8', size=9}", R"(
    m['a'] = 1 m['a\0'] = 2 m[''] = 3
    return m['a'] .. m['a\0'] .. m[''] .. #m)"),
            "1233");
}

TEST(MapScript, AddressesAsTextAndBytes) {
  EXPECT_EQ(run_map(R"(
    four = map.hash{key='ipv4', value='u8', size=9}
    six = map.hash{key='ipv6', value='u8', size=9}
    both = map.hash{key='ip', value='u8', size=9}
    macs = map.hash{key='mac', value='u8', size=9}
    four['192.0.2.1'] = 1
    six['2001:db8::1'] = 2
    both['192.0.2.1'] = 3
    both['::ffff:192.0.2.1'] = 4
    six['2001:db8::1:2:34'] = 5     -- sixteen characters
    macs['02:00:5e:00:53:01'] = 6)",
                    R"(
    assert(four['\192\0\2\1'] == 1 and four['192.0.2.1'] == 1)
    assert(six['\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1'] == 2)
    assert(both['\192\0\2\1'] == 3, 'an IPv4 address is not its IPv6 cousin')
    assert(both['\0\0\0\0\0\0\0\0\0\0\255\255\192\0\2\1'] == 4)
    assert(six['\x20\x01\x0d\xb8\0\0\0\0\0\0\0\1\0\2\0\x34'] == 5)
    assert(macs['\2\0\x5e\0\x53\1'] == 6)
    return 'ok')"),
            "ok");
}

TEST(MapScript, SixteenBytesThatCouldBeTextAreRefusedAtPacketTime) {
  EXPECT_EQ(run_map("m = map.hash{key='ip', value='u8', size=9}", "return m['2001:db8::1:2:34']"),
            "error: map 'map1': '2001:db8::1:2:34' can be an address as text or as 16 bytes; make such keys while the "
            "script loads, or write a zero more");
  EXPECT_EQ(run_map("m = map.hash{key='ip', value='u8', size=9}", "return type(m['2001:db8::1:2:034'])"), "nil");
}

TEST(MapScript, CompositeKeysAndValues) {
  EXPECT_EQ(run_map("m = map.hash{key={'ip', 'u16'}, value={'u32', 'bool', 'string:4'}, size=9}", R"(
    m[{'192.0.2.1', 80}] = {7, true, 'ab'}
    local v = m[{'\192\0\2\1', 80}]
    assert(v[1] == 7 and v[2] == true and v[3] == 'ab' and #v == 3)
    assert(m[{'192.0.2.1', 81}] == nil)
    m[{'192.0.2.1', 80}] = nil
    assert(#m == 0)
    return 'ok')"),
            "ok");
}

TEST(MapScript, WrongTypesNameTheMapTheShapeAndWhatWasGiven) {
  const char* maps = R"(
    p = map.hash{name='ports', key='u16', value='u8', size=9}
    a = map.hash{name='addresses', key='ip', value='bool', size=9}
    v4 = map.hash{name='v4', key='ipv4', value='bool', size=9}
    n = map.hash{name='names', key='string:4', value='i8', size=9}
    c = map.hash{name='pairs', key={'ip', 'u16'}, value='u8', size=9}
    e = map.hash{name='cards', key='mac', value='u8', size=9}
    l = map.lpm{name='nets', key='ip', value='u8', size=9}
    l4 = map.lpm{name='nets4', key='ipv4', value='u8', size=9}
    r = map.array{name='cells', value='u8', size=4}
    h = map.counter{name='hits', key='u8', size=4}
    o = map.counter{name='one'})";
  const std::pair<const char*, const char*> cases[] = {
      {"return p['x']", "map 'ports': the key is an integer from 0 to 65535 (u16); got the string 'x'"},
      {"return p[1.5]", "map 'ports': the key is an integer from 0 to 65535 (u16); got the number 1.5"},
      {"return p[true]", "map 'ports': the key is an integer from 0 to 65535 (u16); got true"},
      {"return p['80']", "map 'ports': the key is an integer from 0 to 65535 (u16); got the string '80'"},
      {"p[70000] = 1", "map 'ports': the key is an integer from 0 to 65535 (u16); got the integer 70000"},
      {"p[1] = 256", "map 'ports': the value is an integer from 0 to 255 (u8); got the integer 256"},
      {"p[1] = -1", "map 'ports': the value is an integer from 0 to 255 (u8); got the integer -1"},
      {"p[1] = {}", "map 'ports': the value is an integer from 0 to 255 (u8); got a table"},
      {"p[nil] = 1", "map 'ports': the key is nil"},
      {"return a['banana']", "map 'addresses': the key is an IPv4 or IPv6 address (ip); got the string 'banana'"},
      {"return a[1]", "map 'addresses': the key is an IPv4 or IPv6 address (ip); got the integer 1"},
      {"return a['192.0.2.0/24']",
       "map 'addresses': the key is an IPv4 or IPv6 address (ip); got the string '192.0.2.0/24'"},
      {"return a['\\1\\2\\3']", "map 'addresses': the key is an IPv4 or IPv6 address (ip); got a string of 3 bytes"},
      {"a['192.0.2.1'] = 1", "map 'addresses': the value is true or false (bool); got the integer 1"},
      {"return v4[('\\1'):rep(16)]",
       "map 'v4': the key is an IPv4 address (ipv4; declare 'ip' for IPv4 and IPv6); got a string of 16 bytes"},
      {"n['abcde'] = 1", "map 'names': the key is a string of at most 4 bytes (string:4); got the string 'abcde'"},
      {"return n[4]", "map 'names': the key is a string of at most 4 bytes (string:4); got the integer 4"},
      {"n['a'] = 128", "map 'names': the value is an integer from -128 to 127 (i8); got the integer 128"},
      {"return c['x']",
       "map 'pairs': the key is an array of 2 values, such as {pkt.src, pkt.dport}; got the string 'x'"},
      {"return c[{'192.0.2.1'}]",
       "map 'pairs': the key is an array of 2 values, such as {pkt.src, pkt.dport}; got a table"},
      {"return c[{'192.0.2.1', 'x'}]",
       "map 'pairs': part 2 of the key is an integer from 0 to 65535 (u16); got the string 'x'"},
      {"return e['02:00']",
       "map 'cards': the key is a MAC address: 6 bytes, or text such as '02:00:5e:00:53:01' (mac); got the string "
       "'02:00'"},
      {"l['192.0.2.0/33'] = 1",
       "map 'nets': the key is a network such as '192.0.2.0/24', {address, bits}, or an address; got the string "
       "'192.0.2.0/33'"},
      {"l[{'192.0.2.0', 33}] = 1", "map 'nets': the key is {address, bits from 0 to 32}; got the integer 33"},
      {"l4['2001:db8::/32'] = 1",
       "map 'nets4': the key is an IPv4 network (ipv4; declare 'ip' for IPv4 and IPv6); got the string "
       "'2001:db8::/32'"},
      {"r[4] = 1", "map 'cells': the key is an index from 0 to 3; got the integer 4"},
      {"r[-1] = 1", "map 'cells': the key is an index from 0 to 3; got the integer -1"},
      {"r[0] = nil", "map 'cells' is an array: its entries cannot be deleted"},
      {"a:add('192.0.2.1', 1)", "map 'addresses' has values of shape 'bool': only integers can be added to"},
      {"p:add(1, 'x')", "map 'ports': what is added is an integer; got a string"},
      {"p:add(nil, 1)", "map 'ports': the key is nil"},
      {"h[1] = 5", "counter 'hits' only counts: use add(key, n), or = nil to forget a key"},
      {"return o[1]", "counter 'one' has no key: use its methods get() and add(n)"},
      {"o[1] = nil", "counter 'one' has no key: use its methods get() and add(n)"},
      {"return map.get(5, 1)", "argument 1 is a map; got a number"},
      {"return p.get(p)", ""},
      {"map.hash{key='u8', value='u8', size=1}",
       "maps are declared while the script loads, outside its functions; this is called for every packet"},
  };
  for (const auto& [statement, message] : cases) {
    const std::string result = run_map(maps, statement);
    EXPECT_EQ(result, *message == '\0' ? "nil" : std::string("error: ") + message) << statement;
  }
}

TEST(MapScript, ReadsOfWhatCannotBeThereFindNothing) {
  EXPECT_EQ(run_map(R"(p = map.hash{key='u16', value='u8', size=9} n = map.hash{key='string:4', value='u8', size=9}
    r = map.array{value='u8', size=4})",
                    R"(
    assert(p[70000] == nil and p[-1] == nil and n['abcde'] == nil and r[4] == nil and r[-1] == nil)
    return 'ok')"),
            "ok");
}

TEST(MapScript, DeclarationsAreCheckedByWord) {
  const std::pair<const char*, const char*> cases[] = {
      {"map.hash()", "map.hash takes a table of options, such as map.hash{key='ip', value='u64', size=1000}"},
      {"map.hash{}", "map.hash needs the shape of its keys: map.hash{key='ip', value='u64', size=1000}"},
      {"map.hash{key='ip', size=1}",
       "map.hash needs the shape of its values: map.hash{key='ip', value='u64', size=1000}"},
      {"map.lru{key='ip', value='u8'}",
       "map.lru needs its size, the most entries it may have: map.lru{key='ip', value='u64', size=1000}"},
      {"map.hash{key='ip', value='u8', sise=1}", "map.hash has no option 'sise' (did you mean 'size'?)"},
      {"map.hash{key='ip', value='u8', colour=1}",
       "map.hash has no option 'colour'; it is used like map.hash{key='ip', value='u64', size=1000}"},
      {"map.hash{'ip', 'u8', 10}",
       "map.hash takes named options only, such as map.hash{key='ip', value='u64', size=1000}"},
      {"map.hash{key='ip4', value='u8', size=1}",
       "'ip4' is no shape of a map's key (did you mean 'ipv4'?); there are u8 to u64, i8 to i64, bool, ip, ipv4, ipv6, "
       "mac, "
       "string:1 to string:255"},
      {"map.hash{key='float', value='u8', size=1}",
       "'float' is no shape of a map's key; there are u8 to u64, i8 to i64, bool, ip, ipv4, ipv6, mac, string:1 to "
       "string:255"},
      {"map.hash{key=4, value='u8', size=1}",
       "the key of a map is the name of a shape, such as 'ip' or 'u32', or an array of names; it is a number"},
      {"map.hash{key={}, value='u8', size=1}", "the key of a map has 1 to 8 parts"},
      {"map.hash{key={{'u8'}}, value='u8', size=1}",
       "the key of a map is the name of a shape, such as 'ip' or 'u32', or an array of names; it is a table"},
      {"map.hash{key={'string:255','string:255','string:255'}, value='u8', size=1}",
       "the key of a map has at most 512 bytes; this one has 771"},
      {"map.hash{key='u8', value='u8', size=0}", "the size of a map is an integer from 1 to 16777216; it is 0"},
      {"map.hash{key='u8', value='u8', size=1e9}",
       "the size of a map is an integer from 1 to 16777216; it is 1000000000.0"},
      {"map.hash{key='u8', value='u8', size='9'}", "the size of a map is an integer from 1 to 16777216; it is 9"},
      {"map.hash{key='u8', value='u8', size=1, ttl=0}",
       "the ttl of a map is a number of seconds above 0 (at most 1e9); it is 0"},
      {"map.hash{key='u8', value='u8', size=1, ttl=0/0}",
       "the ttl of a map is a number of seconds above 0 (at most 1e9); it is -nan"},
      {"map.hash{key='u8', value='u8', size=1, renew=false}",
       "renew says whether a write prolongs an entry's life, so it needs a ttl"},
      {"map.array{key='u8', value='u8', size=1}",
       "map.array takes no 'key'; it is used like map.array{value='u64', size=256}"},
      {"map.array{value='u8', size=1, ttl=1}",
       "map.array takes no 'ttl'; it is used like map.array{value='u64', size=256}"},
      {"map.lpm{key='u32', value='u8', size=1}", "the keys of map.lpm are 'ip', 'ipv4' or 'ipv6'"},
      {"map.counter{value='u8'}",
       "map.counter takes no 'value'; it is used like map.counter{name='seen'} or map.counter{key='ip', size=1000}"},
      {"map.counter{size=4}",
       "a counter without a key is one number: it takes no size and no ttl; with a key it is used like "
       "map.counter{key='ip', size=1000}"},
      {"map.counter{name=''}", "the name of a map is a string of 1 to 64 letters, digits, '_', '-' and '.'"},
      {"map.counter{name='a b'}", "the name of a map is a string of 1 to 64 letters, digits, '_', '-' and '.'"},
      {"map.counter{name='x'} map.counter{name='x'}", "there is a map 'x' already; give each its own name"},
      {"map.hash{key='ip', value={'string:255','string:255','string:255'}, size=16777216}", "map 'map1' would take"},
  };
  for (const auto& [declaration, message] : cases) {
    EXPECT_EQ(load_error(declaration).substr(0, std::string_view(message).size()), message) << declaration;
  }
}

TEST(MapScript, SizeIsExact) {
  EXPECT_EQ(run_map("m = map.hash{name='m', key='u32', value='u8', size=3}", R"(
    for i = 1, 3 do m[i] = 1 end
    m[2] = 5
    assert(#m == 3)
    local ok, message = pcall(function() m[4] = 1 end)
    assert(not ok and message:find([[map 'm' is full (3 entries)]],
                    1, true),
            message)
    ok, message = pcall(m.add, m, 4, 1)
    assert(not ok and message:find([[map 'm' is full (3 entries)]], 1, true), message)
    m[1] = nil
    m[4] = 1
    assert(#m == 3 and m[1] == nil and m[4] == 1)
    return 'ok')"),
            "ok");
  EXPECT_EQ(run_map("m = map.hash{key='u32', value='u8', size=20000}", R"(
    for i = 1, 20000 do m[i] = 1 end
    assert(#m == 20000)
    assert(not pcall(function() m[20001] = 1 end) and #m == 20000)
    for i = 1, 20000, 2 do m[i] = nil end
    assert(#m == 10000)
    return 'ok')"),
            "ok");
}

TEST(MapScript, LruForgetsTheLeastRecentlyUsed) {
  EXPECT_EQ(run_map("m = map.lru{key='u32', value='u8', size=3}", R"(
    m[1] = 1 m[2] = 2 m[3] = 3
    assert(m[1] == 1)                     -- reading is using
    m[4] = 4
    assert(m[2] == nil and m[1] == 1 and m[3] == 3 and m[4] == 4 and #m == 3)
    m[1] = 7
    m:add(3, 1)
    m[5] = 5
    assert(m[4] == nil and m[1] == 7 and m[3] == 4 and m[5] == 5 and #m == 3)
    return 'ok')"),
            "ok");
  EXPECT_EQ(
      run_map("m = map.lru{key='u32', value='u8', size=1}", "m[1] = 1 m[2] = 2 return (m[1] or 'gone') .. m[2] .. #m"),
      "gone21");
  EXPECT_EQ(run_map("m = map.lru{key='u32', value='u8', size=5001}", R"(
    for i = 1, 30000 do m[i] = 1 end
    assert(#m == 5001, #m)
    return 'ok')"),
            "ok");
}

TEST(MapScript, LpmFindsTheLongestPrefix) {
  EXPECT_EQ(run_map(R"(
    m = map.lpm{key='ip', value='u8', size=20}
    m['0.0.0.0/0'] = 1
    m['192.0.0.0/16'] = 2
    m['192.0.2.99/24'] = 3                -- the bits behind the prefix do not matter
    m['192.0.2.1'] = 4
    m[{'192.0.2.128', 25}] = 5
    m['2001:db8::/32'] = 6
    m['2001:db8::/33'] = 7
    m['::/0'] = 8)",
                    R"(
    assert(m['\9\9\9\9'] == 1 and m['192.0.9.9'] == 2 and m['192.0.2.2'] == 3)
    assert(m['192.0.2.1'] == 4 and m['192.0.2.129'] == 5 and m['192.0.2.127'] == 3)
    assert(m['2001:db8:8000::12'] == 6 and m['2001:db8::1'] == 7 and m['fe80::1'] == 8)
    assert(m['192.0.2.0/24'] == 3 and m['192.0.2.0/23'] == 2 and m['192.0.2.0/25'] == 3)
    assert(#m == 8)
    m['192.0.2.0/24'] = nil
    assert(m['192.0.2.2'] == 2 and m['192.0.2.1'] == 4 and #m == 7)
    assert(m:add('192.0.77.1', 10) == 12 and m['192.0.0.1'] == 12, 'adds to the network that holds the address')
    m['0.0.0.0/0'] = nil
    assert(m['8.8.8.8'] == nil and m:add('8.8.8.8', 1) == nil and #m == 6)
    return 'ok')"),
            "ok");
}

TEST(MapScript, LpmAgreesWithASlowSearch) {
  EXPECT_EQ(run_map(R"(
    m = map.lpm{key='ipv4', value='u32', size=2000}
    nets = {}
    local function ip(n) return string.pack('>I4', n) end
    -- Four bytes such as '42::' are the text of an address, and taken as that.
    local function network(bits)
      while true do
        local n = random(0, 0xffff) << 16 | random(0, 0xffff)
        n = bits == 0 and 0 or n >> (32 - bits) << (32 - bits)
        if not ip(n):find('::', 1, true) then return n end
      end
    end
    for i = 1, 1000 do
      local bits = random(0, 32)
      local n = network(bits)
      nets[bits << 32 | n] = i
      m[{ip(n), bits}] = i
    end
    for _ = 1, 2000 do
      local n = network(32)
      local expected
      for bits = 32, 0, -1 do
        local masked = bits == 0 and 0 or n >> (32 - bits) << (32 - bits)
        expected = nets[bits << 32 | masked]
        if expected then break end
      end
      assert(m[ip(n)] == expected)
    end)",
                    "return 'ok'"),
            "ok");
}

TEST(MapScript, ArraysStartAtZero) {
  EXPECT_EQ(run_map("m = map.array{value='i32', size=4}", R"(
    for i = 0, 3 do assert(m[i] == 0) end
    assert(#m == 4 and m[4] == nil)
    m[0] = -7
    m[3] = 5
    assert(m:add(3, 2) == 7 and m[0] == -7 and m[3] == 7)
    return 'ok')"),
            "ok");
}

TEST(MapScript, Counters) {
  EXPECT_EQ(run_map("one = map.counter() two = map.counter{name='two'} hits = map.counter{key='string:9', size=2} "
                    "ports = map.counter{key='u16', size=9}",
                    R"(
    assert(one:get() == 0)
    assert(one:add() == nil)
    one:add(41)
    assert(one:get() == 42 and two:get() == 0)
    ports:add(80) ports:add(80, 2)
    assert(ports[80] == 3 and ports[81] == 0 and ports:get(80) == 3 and #ports == 1)
    map.add(hits, 'a') map.add(hits, 'b', 5)
    assert(hits.a == 1 and hits['b'] == 5 and hits.c == 0)
    assert(not pcall(map.add, hits, 'c'))
    hits.a = nil
    map.add(hits, 'c')
    return 'ok')"),
            "ok");
}

TEST(MapScript, StringKeysAndMethodsDoNotMix) {
  const char* maps = "m = map.hash{name='m', key='string:9', value='bool', size=9}";
  EXPECT_EQ(run_map(maps, "return m.get == nil and m.add == nil"), "true");
  EXPECT_EQ(run_map(maps, "m.set = true return m.set and map.get(m, 'set')"), "true");
  EXPECT_EQ(run_map(maps, "m:add('x', 1)"), "error: attempt to call a nil value (method 'add')");
  EXPECT_EQ(run_map(maps, "map.set(m, 'get', true) return map.get(m, 'get') and m.other == nil"), "true");
}

class MapTimes : public testing::TestWithParam<uint64_t> {};
// 0: captures may count from their first packet.
INSTANTIATE_TEST_SUITE_P(From, MapTimes, testing::Values(0, 1'000'000'000'000U));

TEST_P(MapTimes, EntriesExpire) {
  TestClock clock;
  Options options;
  options.clock = &clock;
  auto state = load(R"(
    w = map.hash{key='u8', value='u8', size=2, ttl=1.5}
    f = map.hash{key='u8', value='u32', size=9, ttl=1, renew=false}
    l = map.lru{key='u8', value='u8', size=9, ttl=1}
    p = map.lpm{key='ip', value='u8', size=1, ttl=1}
    c = map.counter{key='u8', size=9, ttl=1}
    step = 0
    function filter()
      step = step + 1
      if step == 1 then
        w[1] = 1 f[1] = 1 l[1] = 1 p['192.0.2.0/24'] = 1 c:add(1)
      elseif step == 2 then           -- 0.9 s later
        assert(w[1] == 1 and f[1] == 1 and l[1] == 1 and p['192.0.2.1'] == 1 and c[1] == 1)
        w[1] = 2 f:add(1, 1) l[2] = 2
      elseif step == 3 then           -- 1.0 s
        assert(w[1] == 2 and f[1] == nil and l[1] == nil and l[2] == 2 and p['192.0.2.1'] == nil and c[1] == 0)
        assert(#w == 1 and #f == 0 and #l == 1 and #p == 0 and #c == 0)
        assert(f:add(1, 5) == 5)      -- begins again from nothing
        p['198.51.100.0/24'] = 2      -- in the place of the one that expired
      elseif step == 4 then           -- 2.4 s: 1.5 s after the last write
        assert(w[1] == nil and #w == 0)
        w[2] = 1 w[3] = 1
        assert(#w == 2)
      end
      return 'ok'
    end)",
                    options);
  ASSERT_TRUE(state);
  for (const uint64_t milliseconds : {0U, 900U, 1000U, 2400U}) {
    clock.now = GetParam() + milliseconds * 1'000'000U;
    EXPECT_EQ(call(*state), "ok") << milliseconds;
  }
}

TEST(MapScript, ExpiredEntriesMakeRoom) {
  TestClock clock;
  Options options;
  options.clock = &clock;
  auto state = load(R"(
    m = map.hash{key='u32', value='u8', size=10000, ttl=1}
    n = 0
    function filter()
      for i = 1, 10000 do m[n + i] = 1 end
      n = n + 10000
      return tostring(#m)
    end)",
                    options);
  ASSERT_TRUE(state);
  EXPECT_EQ(call(*state), "10000");
  clock.now += 1'000'000'000U;
  EXPECT_EQ(call(*state), "10000");
  EXPECT_EQ(call(*state).substr(0, 23), "error: map 'map1' is fu");
}

TEST_P(MapTimes, WrittenBeforeTheFirstPacketCountsFromThere) {
  PacketClock clock;
  Options options;
  options.clock = &clock;
  auto state = load(
      "m = map.hash{key='u8', value='u8', size=2, ttl=10} m[1] = 1 function filter() return m[1] and 'there' or 'gone' "
      "end",
      options);
  ASSERT_TRUE(state);
  clock.advance(GetParam());
  EXPECT_EQ(call(*state), "there");
  clock.advance(GetParam() + 9'999'999'999U);
  EXPECT_EQ(call(*state), "there");
  clock.advance(GetParam() + 10'000'000'000U);
  EXPECT_EQ(call(*state), "gone");
}

TEST(MapScript, PairsWalksACopy) {
  EXPECT_EQ(run_map("m = map.hash{key='u8', value='u8', size=20}", R"(
    for i = 1, 10 do m[i] = i * 2 end
    local n, sum = 0, 0
    for k, v in pairs(m) do
      assert(v == k * 2)
      m[k] = nil
      m[k + 10] = 1
      n, sum = n + 1, sum + k
    end
    assert(n == 10 and sum == 55 and #m == 10)
    for _ in pairs(map) do n = n + 1 end
    return 'ok')"),
            "ok");
  EXPECT_EQ(run_map("m = map.lpm{key='ip', value='u8', size=20} m['192.0.2.7/24'] = 1 m['2001:db8::/32'] = 2", R"(
    local t = {}
    for k, v in pairs(m) do t[#t + 1] = k .. '=' .. v end
    return table.concat(t, ' '))"),
            "192.0.2.0/24=1 2001:db8::/32=2");
  EXPECT_EQ(run_map("m = map.array{value='u8', size=3} c = map.counter() c:add(3)", R"(
    m[1] = 9
    local t = {}
    for k, v in pairs(m) do t[#t + 1] = k .. '=' .. v end
    for k, v in pairs(c) do t[#t + 1] = k .. '=' .. v end
    return table.concat(t, ' '))"),
            "1=9 =3");
}

TEST(MapScript, PairsOfALargeMapIsWithinTheLimits) {
  Options options;
  options.limits.memory = 1 << 20;
  const std::string result = run_map(
      "m = map.hash{key='u32', value={'string:255','string:255'}, size=4000} for i = 1, 4000 do m[i] = {'', ''} end",
      "for k in pairs(m) do end", options);
  EXPECT_EQ(result.substr(0, 6), "error:") << result;
  EXPECT_NE(result.find("memory"), std::string::npos) << result;
}

TEST(MapScript, TheObjectIsClosed) {
  EXPECT_EQ(run_map("m = map.hash{key='u8', value='u8', size=20}",
                    "assert(getmetatable(m) == false and not pcall(setmetatable, m, {}) and not pcall(rawset, m, 1, "
                    "1)) return tostring(m)"),
            "map 'map1' (hash)");
}

TEST(MapScript, WorkersShareByDeclaration) {
  MapStore store;
  Options options;
  options.maps = &store;
  const char* text = R"(
    a = map.hash{key='u8', value='u8', size=5}
    b = map.counter{name='b'}
    a[1] = 1 b:add(10) local s = a:add(2, 5)
    function filter() b:add(1) return a[1] .. a:add(2, 1) .. '.' .. b:get() end)";
  auto first = load(text, options);
  options.worker = 1;
  auto second = load(text, options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(call(*first), "16.11");
  EXPECT_EQ(call(*second), "17.12");
  ASSERT_EQ(store.maps().size(), 2U);
  EXPECT_EQ(store.maps()[0]->declaration().name, "map1");
  EXPECT_EQ(store.find("b")->declaration().kind, MapKind::kCounter);
  EXPECT_EQ(store.find("c"), nullptr);

  const Diagnostic different =
      load_failure("a = map.hash{key='u8', value='u16', size=5, ttl=2} function filter() end", options);
  EXPECT_EQ(different.message,
            "map 'map1' was declared as map.hash{key='u8', value='u8', size=5} by another worker, and as "
            "map.hash{key='u8', value='u16', size=5, ttl=2} by this one");
  EXPECT_EQ(different.line, 1U);
}

TEST(MapScript, AHostileScriptCannotFillTheMemoryWithMaps) {
  const Diagnostic many = load_failure("for i = 1, 1e9 do map.counter() end function filter() end");
  EXPECT_EQ(many.message, "map 'map65' is one too many: a script has at most 64");
  const Diagnostic large =
      load_failure("for i = 1, 64 do map.hash{key='u64', value='u64', size=1000000} end function filter() end");
  EXPECT_EQ(large.message.substr(0, 23), "map 'map7' would take 4") << large.message;
}

}  // namespace
}  // namespace perilune::script
