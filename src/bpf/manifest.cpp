// The format: numbers as 8 little-endian bytes, strings and lists with their length in front, fields in the order of
// the structures. The version changes whenever they do. Older ones are read, too: version 1 lacks
// MapDeclaration::declared; up to version 2 hooks were numbers.
#include "bpf/manifest.h"

#include <algorithm>
#include <array>
#include <concepts>

#include <linux/bpf.h>

#include "bpf/hook.h"

namespace perilune::bpf {
namespace {

constexpr uint64_t kMagic = 0x6e756c6972657000;  // "\0perilun"
constexpr uint64_t kVersion = 3;
constexpr uint64_t kOldestVersion = 1;

/// Appends fields; `fields()` below visits the same ones in both directions.
class Writer {
 public:
  template <std::unsigned_integral T>
  void operator()(T& number) {
    put(number);
  }
  void operator()(int32_t& number) { put(static_cast<uint32_t>(number)); }
  void operator()(bool& flag) { put(flag ? 1 : 0); }
  template <typename T>
  requires std::is_enum_v<T>
  void operator()(T& value) { put(static_cast<uint64_t>(value)); }
  void operator()(packet::NonIp& choice) { put(code_of(choice)); }
  void operator()(const Hook*& hook) {
    std::string name(hook->name());
    (*this)(name);
  }
  void operator()(std::string& text) {
    put(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  template <typename T>
  void operator()(std::optional<T>& value) {
    bool there = value.has_value();
    (*this)(there);
    if (there) (*this)(*value);
  }
  template <typename T>
  void operator()(std::vector<T>& list) {
    put(list.size());
    for (T& element : list)
      visit(element, *this);
  }
  [[nodiscard]] uint64_t version() const { return kVersion; }
  [[nodiscard]] std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  template <typename T>
  static void visit(T& element, Writer& writer);

  void put(uint64_t number) {
    for (unsigned shift = 0; shift < 64; shift += 8)
      bytes_.push_back(static_cast<uint8_t>(number >> shift));
  }

  std::vector<uint8_t> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  template <std::unsigned_integral T>
  void operator()(T& number) {
    const uint64_t value = take();
    number = static_cast<T>(value);
    sound_ = sound_ && number == value;
  }
  void operator()(int32_t& number) {
    uint32_t value = 0;
    (*this)(value);
    number = static_cast<int32_t>(value);
  }
  void operator()(bool& flag) {
    uint8_t value = 0;
    (*this)(value);
    flag = value == 1;
    sound_ = sound_ && value <= 1;
  }
  void operator()(const Hook*& hook) {
    std::string name;
    (*this)(name);
    set(hook, name);
  }
  void set(const Hook*& hook, std::string_view name) {
    hook = find_hook(name);
    if (hook == nullptr && sound_) unknown_hook_ = name;
  }
  [[nodiscard]] const std::string& unknown_hook() const { return unknown_hook_; }
  void damaged() { sound_ = false; }
  void operator()(XdpMode& mode) { enumeration(mode, XdpMode::kGeneric); }
  void operator()(ir::MapType& type) { enumeration(type, ir::MapType::kArray); }
  void operator()(packet::Verdict& verdict) { enumeration(verdict, packet::Verdict::kReply); }
  void operator()(packet::NonIp& choice) {
    uint32_t code = 0;
    (*this)(code);
    const auto known = std::ranges::find(packet::kNonIpChoices, code, [](packet::NonIp one) { return code_of(one); });
    if (known == packet::kNonIpChoices.end()) return damaged();
    choice = *known;
  }
  void operator()(std::string& text) {
    const uint64_t size = take();
    if (size > bytes_.size()) {
      sound_ = false;
      return;
    }
    text.assign(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
  }
  template <typename T>
  void operator()(std::optional<T>& value) {
    bool there = false;
    (*this)(there);
    if (!there) return;
    value.emplace();
    (*this)(*value);
  }
  template <typename T>
  void operator()(std::vector<T>& list) {
    const uint64_t size = take();
    // Every element takes at least the eight bytes of a number or length.
    if (size > bytes_.size() / 8) {
      sound_ = false;
      return;
    }
    list.resize(size);
    for (T& element : list)
      visit(element, *this);
  }
  /// Which fields there are depends on it.
  void set_version(uint64_t version) { version_ = version; }
  [[nodiscard]] uint64_t version() const { return version_; }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  template <typename T>
  static void visit(T& element, Reader& reader);

  template <typename T>
  void enumeration(T& value, T last) {
    uint8_t number = 0;
    (*this)(number);
    sound_ = sound_ && number <= static_cast<uint8_t>(last);
    value = static_cast<T>(std::min(number, static_cast<uint8_t>(last)));
  }
  uint64_t take() {
    constexpr size_t kSize = 8;
    if (bytes_.size() < kSize) {
      sound_ = false;
      bytes_ = {};
      return 0;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < kSize; ++i)
      number |= static_cast<uint64_t>(bytes_[i]) << (8 * i);
    bytes_ = bytes_.subspan(kSize);
    return number;
  }

  std::span<const uint8_t> bytes_;
  uint64_t version_ = kVersion;
  bool sound_ = true;
  std::string unknown_hook_;
};

/// As manifests up to version 2 had them.
void old_point(AttachPoint& point, Reader& visit) {
  static constexpr std::array<std::string_view, 4> kHooks{"xdp", "tc", "tc", "netfilter"};
  static constexpr std::array<std::string_view, 4> kParts{"", "in", "out", ""};
  static constexpr std::array<std::string_view, 5> kNetfilter{"prerouting", "input", "forward", "output",
                                                              "postrouting"};
  uint8_t hook = 0;
  uint8_t netfilter = 0;
  visit(hook);
  visit(point.interface);
  visit(netfilter);
  if (hook >= kHooks.size() || netfilter >= kNetfilter.size()) return visit.damaged();
  visit.set(point.hook, kHooks[hook]);
  point.part = kHooks[hook] == "netfilter" ? kNetfilter[netfilter] : kParts[hook];
}
void old_point(AttachPoint& /*point*/, Writer& /*visit*/) {}

template <typename Visitor>
void fields(std::string& text, Visitor& visit) {
  visit(text);
}
template <typename Visitor>
void fields(ir::Site& site, Visitor& visit) {
  visit(site.file);
  visit(site.line);
  visit(site.text);
}
template <typename Visitor>
void fields(MapDeclaration& map, Visitor& visit) {
  visit(map.name);
  visit(map.type);
  visit(map.key_size);
  visit(map.value_size);
  visit(map.entries);
  if (visit.version() >= 2) visit(map.declared);
}
template <typename Visitor>
void fields(Attachment& attachment, Visitor& visit) {
  if (visit.version() >= 3) {
    visit(attachment.point.hook);
    visit(attachment.point.interface);
    visit(attachment.point.part);
  } else {
    old_point(attachment.point, visit);
  }
  visit(attachment.point.priority);
  visit(attachment.point.netns);
  visit(attachment.netns);
  visit(attachment.ifindex);
  visit(attachment.mode);
  visit(attachment.why_generic);
  visit(attachment.chain_index);
  visit(attachment.link_type);
  visit(attachment.program_id);
  visit(attachment.insns);
  visit(attachment.verified_insns);
  visit(attachment.load_ns);
  visit(attachment.files);
  visit(attachment.errors);
  visit(attachment.logs);
}
template <typename Visitor>
void fields(Manifest& manifest, Visitor& visit) {
  visit(manifest.name);
  visit(manifest.script);
  visit(manifest.text);
  visit(manifest.time_ns);
  visit(manifest.first_time_ns);
  visit(manifest.compile_ns);
  visit(manifest.reloads);
  visit(manifest.options.function);
  visit(manifest.options.policy.on_error);
  visit(manifest.options.policy.on_malformed);
  visit(manifest.options.policy.non_ip);
  visit(manifest.options.policy.on_default);
  visit(manifest.options.instructions);
  visit(manifest.options.memory);
  visit(manifest.maps);
  visit(manifest.attachments);
}

template <typename T>
void Writer::visit(T& element, Writer& writer) {
  fields(element, writer);
}
template <typename T>
void Reader::visit(T& element, Reader& reader) {
  fields(element, reader);
}

constexpr std::array<uint8_t, 4> kFirstKey{};

}  // namespace

std::vector<uint8_t> encode(const Manifest& manifest) {
  Writer writer;
  uint64_t magic = kMagic;
  uint64_t version = kVersion;
  writer(magic);
  writer(version);
  Manifest copy = manifest;  // the visitors of both directions take references
  fields(copy, writer);
  return writer.take();
}

Result<Manifest> decode(std::span<const uint8_t> bytes) {
  Reader reader(bytes);
  uint64_t magic = 0;
  uint64_t version = 0;
  reader(magic);
  reader(version);
  if (!reader.sound() || magic != kMagic) return system_error("it is not a manifest of perilune");
  if (version < kOldestVersion || version > kVersion) {
    return system_error(fmt::format("it was loaded by another version of perilune (its manifest is version {}, not {})",
                                    version, kVersion),
                        "unload it and load it again");
  }
  reader.set_version(version);
  Manifest manifest;
  fields(manifest, reader);
  if (!reader.sound()) return system_error("its manifest is damaged", "unload it and load it again");
  if (!reader.unknown_hook().empty()) {
    return system_error(fmt::format("it is at a hook that this program does not have, '{}'", reader.unknown_hook()),
                        "a newer perilune loaded it, or one that was built with that hook");
  }
  return manifest;
}

Result<Map> store(const Manifest& manifest) {
  std::vector<uint8_t> bytes = encode(manifest);
  constexpr size_t kAlignment = 8;
  bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
  MapShape shape;
  shape.name = "perilune_info";
  shape.type = BPF_MAP_TYPE_ARRAY;
  shape.key_size = sizeof(uint32_t);
  shape.value_size = static_cast<uint32_t>(bytes.size());
  shape.entries = 1;
  Result<Map> map = Map::create(shape);
  if (!map) return map;
  if (const Result<void> written = map->update(kFirstKey, bytes); !written) return tl::make_unexpected(written.error());
  return map;
}

Result<Manifest> read_manifest(const Map& map) {
  if (map.shape().type != BPF_MAP_TYPE_ARRAY || map.shape().entries != 1) {
    return system_error("it is not a manifest of perilune");
  }
  std::vector<uint8_t> bytes(map.shape().value_size);
  const Result<bool> found = map.lookup(kFirstKey, bytes);
  if (!found) return tl::make_unexpected(found.error());
  return decode(bytes);
}

}  // namespace perilune::bpf
