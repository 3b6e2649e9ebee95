#include "kernel.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace perilune::ir::test {
namespace {

// An XDP program that calls the filter and leaves its result in the 8 bytes behind the slot:
//   main: r2 = 0; call filter; r1 = &memory; *(u64 *)(r1 + slot's size) = r0; r0 = 2; exit
//   filter: the code
//   pull: r0 = 0; exit
constexpr uint32_t kResultOffset = PL_SLOT_SIZE + PL_MEMORY_PAD - 8;

long bpf(int command, bpf_attr& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

uint64_t address(const void* place) {
  return reinterpret_cast<uint64_t>(place);
}

class Kernel {
 public:
  Kernel(const Code& code, World& world) : code_(code), world_(world) {}

  KernelRun run() {
    memory_ = array(static_cast<uint32_t>(world_.memory.size()), 0);
    if (memory_ < 0) {
      run_.unsupported = errno == EPERM;
      run_.problem = fmt::format("map: {}", strerror(errno));
      return run_;
    }
    tables_ = array(static_cast<uint32_t>(world_.tables.size()), BPF_F_RDONLY_PROG);
    fill(memory_, world_.memory);
    fill(tables_, world_.tables);
    for (size_t i = 0; i < world_.maps.size(); ++i) {
      hashes_.push_back(hash());
      for (auto& [key, value] : world_.maps[i])
        update(hashes_.back(), key.data(), value.data());
    }
    events_ = ring();
    if (load() && test()) read_back();
    for (const int fd : {memory_, tables_, events_, program_}) {
      if (fd >= 0) close(fd);
    }
    for (const int fd : hashes_)
      close(fd);
    return run_;
  }

 private:
  static int create(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags) {
    bpf_attr attributes{};
    attributes.map_type = type;
    attributes.key_size = key;
    attributes.value_size = value;
    attributes.max_entries = entries;
    attributes.map_flags = flags;
    return static_cast<int>(bpf(BPF_MAP_CREATE, attributes));
  }
  static int array(uint32_t size, uint32_t flags) { return create(BPF_MAP_TYPE_ARRAY, 4, size, 1, flags); }
  static int hash() { return create(BPF_MAP_TYPE_HASH, kKeySize, kValueSize, 64, 0); }
  static int ring() { return create(BPF_MAP_TYPE_RINGBUF, 0, 0, 1 << 16, 0); }

  static void update(int map, const void* key, const void* value) {
    bpf_attr attributes{};
    attributes.map_fd = static_cast<uint32_t>(map);
    attributes.key = address(key);
    attributes.value = address(value);
    bpf(BPF_MAP_UPDATE_ELEM, attributes);
  }
  static void fill(int map, const std::vector<uint8_t>& content) {
    const uint32_t key = 0;
    update(map, &key, content.data());
  }

  void add(uint8_t code, unsigned dst, unsigned src, int off, int32_t imm) {
    Insn insn;
    insn.code = code;
    insn.dst = dst & 15u;
    insn.src = src & 15u;
    insn.off = static_cast<int16_t>(off);
    insn.imm = imm;
    insns_.push_back(insn);
  }

  void assemble() {
    add(0xb7, 2, 0, 0, 0);
    add(0x85, 0, BPF_PSEUDO_CALL, 0, 5);
    add(0x18, 1, BPF_PSEUDO_MAP_VALUE, 0, memory_);
    add(0, 0, 0, 0, static_cast<int32_t>(kResultOffset));
    add(0x7b, 1, 0, 0, 0);
    add(0xb7, 0, 0, 0, 2);
    add(0x95, 0, 0, 0, 0);
    const size_t start = insns_.size();
    insns_.insert(insns_.end(), code_.insns.begin(), code_.insns.end());
    const size_t pull = insns_.size();
    bool pulls = false;
    for (const Relocation& relocation : code_.relocations) {
      const size_t at = start + relocation.insn;
      Insn& insn = insns_[at];
      switch (relocation.kind) {
        case Relocation::Kind::kMemory:
        case Relocation::Kind::kTables:
          insn.src = BPF_PSEUDO_MAP_VALUE;
          insn.imm = relocation.kind == Relocation::Kind::kMemory ? memory_ : tables_;
          insns_[at + 1].imm = static_cast<int32_t>(relocation.index);
          break;
        case Relocation::Kind::kMap:
        case Relocation::Kind::kEvents:
          insn.src = BPF_PSEUDO_MAP_FD;
          insn.imm = relocation.kind == Relocation::Kind::kMap ? hashes_[relocation.index] : events_;
          break;
        case Relocation::Kind::kPull:
        case Relocation::Kind::kReplace:
          insn.imm = static_cast<int32_t>(pull - at - 1);
          pulls = true;
          break;
        case Relocation::Kind::kLookup:
          insn.src = 0;
          insn.imm = BPF_FUNC_map_lookup_elem;
          break;
        case Relocation::Kind::kDivide:
          insn = {BPF_ALU64 | BPF_DIV | BPF_X, 0, 2, 0, 0};
          break;
        case Relocation::Kind::kModulo:
          insn = {BPF_ALU64 | BPF_MOD | BPF_X, 0, 2, 0, 0};
          break;
        case Relocation::Kind::kSlotMask:
          insn.imm = 0;
          break;
      }
    }
    if (pulls) {
      add(0xb7, 0, 0, 0, 0);
      add(0x95, 0, 0, 0, 0);
    }
  }

  bool load() {
    assemble();
    std::vector<char> log(1 << 20);
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_XDP;
    attributes.insns = address(insns_.data());
    attributes.insn_cnt = static_cast<uint32_t>(insns_.size());
    attributes.license = address("GPL");
    program_ = static_cast<int>(bpf(BPF_PROG_LOAD, attributes));
    if (program_ < 0) {
      const int error = errno;
      attributes.log_buf = address(log.data());
      attributes.log_size = static_cast<uint32_t>(log.size());
      attributes.log_level = 1;
      bpf(BPF_PROG_LOAD, attributes);
      const std::string text = log.data();
      run_.problem =
          fmt::format("load: {}\n{}", strerror(error), text.substr(text.size() > 3000 ? text.size() - 3000 : 0));
      return false;
    }
    bpf_prog_info info{};
    bpf_attr query{};
    query.info.bpf_fd = static_cast<uint32_t>(program_);
    query.info.info_len = sizeof(info);
    query.info.info = address(&info);
    if (bpf(BPF_OBJ_GET_INFO_BY_FD, query) == 0) run_.verified = info.verified_insns;
    run_.instructions = static_cast<uint32_t>(code_.insns.size());
    return true;
  }

  bool test() {
    std::vector<uint8_t> packet(64);
    bpf_attr attributes{};
    attributes.test.prog_fd = static_cast<uint32_t>(program_);
    attributes.test.data_in = address(packet.data());
    attributes.test.data_size_in = static_cast<uint32_t>(packet.size());
    attributes.test.repeat = 1;
    if (bpf(BPF_PROG_TEST_RUN, attributes) == 0) return true;
    run_.problem = fmt::format("run: {}", strerror(errno));
    return false;
  }

  void read_back() {
    const uint32_t key = 0;
    bpf_attr attributes{};
    attributes.map_fd = static_cast<uint32_t>(memory_);
    attributes.key = address(&key);
    attributes.value = address(world_.memory.data());
    bpf(BPF_MAP_LOOKUP_ELEM, attributes);
    memcpy(&run_.result, world_.memory.data() + kResultOffset, 8);
    memset(world_.memory.data() + kResultOffset, 0, 8);
    for (size_t i = 0; i < hashes_.size(); ++i) {
      world_.maps[i].clear();
      std::vector<uint8_t> at(kKeySize);
      std::vector<uint8_t> value(kValueSize);
      bool first = true;
      for (;;) {
        std::vector<uint8_t> next(kKeySize);
        bpf_attr walk{};
        walk.map_fd = static_cast<uint32_t>(hashes_[i]);
        walk.key = first ? 0 : address(at.data());
        walk.next_key = address(next.data());
        if (bpf(BPF_MAP_GET_NEXT_KEY, walk) != 0) break;
        bpf_attr get{};
        get.map_fd = static_cast<uint32_t>(hashes_[i]);
        get.key = address(next.data());
        get.value = address(value.data());
        if (bpf(BPF_MAP_LOOKUP_ELEM, get) == 0) world_.maps[i][next] = value;
        at = next;
        first = false;
      }
    }
  }

  const Code& code_;
  World& world_;
  KernelRun run_;
  std::vector<Insn> insns_;
  int memory_ = -1;
  int tables_ = -1;
  int events_ = -1;
  int program_ = -1;
  std::vector<int> hashes_;
};

}  // namespace

KernelRun run_in_kernel(const Code& code, World& world) {
  return Kernel(code, world).run();
}

}  // namespace perilune::ir::test
