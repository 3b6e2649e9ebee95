#include "hooks/confinement.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/capabilities.h"

namespace perilune::hooks {

namespace {

// Of every batch of live packets first: the filter tries them in this order.
constexpr std::array<int, 4> kOfEveryBatch{SCMP_SYS(recvmmsg), SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(write)};

constexpr std::array<int, 39> kAlways{
    // what is open, and output
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pread64),
    SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(close),
    // threads and time
    SCMP_SYS(futex), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall), SCMP_SYS(rseq), SCMP_SYS(set_robust_list),
    SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(membarrier),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu),
    // memory; whether it may be executable, see below
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    // signals
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack), SCMP_SYS(tgkill),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(uname)};

// Packets, verdicts, answers; and the end: the process that holds the divert rule is waited for.
constexpr std::array<int, 9> kLiveTraffic{SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg),
                                          SCMP_SYS(sendto),  SCMP_SYS(shutdown), SCMP_SYS(rt_sigtimedwait),
                                          SCMP_SYS(wait4),   SCMP_SYS(waitid),   SCMP_SYS(getppid)};

// Beside opening, and giving up more for the last capture.
constexpr std::array<int, 6> kFilesInTurn{SCMP_SYS(fadvise64), SCMP_SYS(fcntl),  SCMP_SYS(seccomp),
                                          SCMP_SYS(prctl),     SCMP_SYS(capget), SCMP_SYS(capset)};
constexpr std::array<int, 14> kFilesAndFolders{
    SCMP_SYS(fadvise64), SCMP_SYS(fcntl),     SCMP_SYS(getdents64), SCMP_SYS(newfstatat), SCMP_SYS(stat),
    SCMP_SYS(lstat),     SCMP_SYS(statx),     SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
    SCMP_SYS(access),    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(ftruncate)};

// A sanitizer's own work at the end of the process (threads, files, ptrace) looks like an intruder's.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

constexpr size_t kNames = 512;
const char* consequence = "";
std::array<std::array<char, 32>, kNames> names;  // of system calls, for the handler, which may not ask the library

void append(std::array<char, 256>& text, size_t& length, std::string_view more) {
  const size_t size = std::min(more.size(), text.size() - length);
  std::memcpy(text.data() + length, more.data(), size);
  length += size;
}

/// A signal handler: only poll(), write() and _exit().
void on_forbidden_call(int, siginfo_t* info, void*) {
  const auto number = static_cast<size_t>(info->si_syscall);
  std::array<char, 256> text{};
  size_t length = 0;
  append(text, length, "perilune: error: the system call '");
  append(text, length, number < kNames && names[number][0] != '\0' ? names[number].data() : "?");
  append(text, length, consequence);
  pollfd room{STDERR_FILENO, POLLOUT, 0};  // a pipe that is not read must not keep the process
  if (::poll(&room, 1, 0) > 0) (void)!::write(STDERR_FILENO, text.data(), length);
  ::_exit(2);
}

void prepare_handler(Work work) {
  consequence = work == Work::kLive ? "' is not one that judging packets needs: the run ends, and a divert rule stays\n"
                                    : "' is not one that this work needs: it ends here\n";
  for (size_t number = 0; number < kNames; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number));
    if (name == nullptr) continue;
    std::strncpy(names[number].data(), name, names[number].size() - 1);
    std::free(name);
  }
  struct sigaction action {};
  action.sa_sigaction = on_forbidden_call;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGSYS, &action, nullptr);
}

/// Conditions on an argument of a call, counted from 0. (The library's macros are C.)
scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_TRAP)) {}
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  template <typename... Conditions>
  void allow(int call, Conditions... conditions) {
    if (code_ == 0) code_ = seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...);
  }
  /// The number -1 is no system call and does nothing: a debugger puts it in place of one that is to fail.
  void allow_none() {
    if (code_ == 0) code_ = seccomp_attr_set(context_, SCMP_FLTATR_API_TSKIP, 1);
    allow(-1);
  }
  void first(int call) {
    if (code_ == 0) code_ = seccomp_syscall_priority(context_, call, UINT8_MAX);
  }
  /// For all threads of the process; 0 or an errno.
  int load() {
    if (context_ == nullptr) return ENOMEM;
    if (code_ == 0) code_ = seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1);
    // Else older kernels turn off speculative loads for the whole process, which costs more than all calls.
    if (code_ == 0) code_ = seccomp_attr_set(context_, SCMP_FLTATR_CTL_SSB, 1);
    if (code_ == 0) code_ = seccomp_load(context_);
    return -code_;
  }

 private:
  scmp_filter_ctx context_;
  int code_ = 0;
};

}  // namespace

Result<void> give_up_capabilities() {
  return keep_only({CAP_NET_ADMIN});
}

Result<void> confine_process(Work work) {
  const bool opens = work == Work::kCaptures || work == Work::kScripts;
  if (auto kept = opens ? keep_only({CAP_DAC_READ_SEARCH}) : keep_only({}); !kept) return kept;
  if (kSanitized && work != Work::kLive) return {};
  prepare_handler(work);
  Filter filter;
  if (work == Work::kLive) {
    for (const int call : kOfEveryBatch) {
      filter.allow(call);
      filter.first(call);
    }
    for (const int call : kLiveTraffic)
      filter.allow(call);
    filter.allow(SCMP_SYS(ioctl), equals(1, SIOCGIFNAME));  // the name of an interface
  }
  for (const int call : kAlways)
    filter.allow(call);
  if (work == Work::kCaptures) {
    for (const int call : kFilesInTurn)
      filter.allow(call);
  }
  if (work == Work::kScripts) {
    for (const int call : kFilesAndFolders)
      filter.allow(call);
  }
  if (opens) filter.allow(SCMP_SYS(openat), masked(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    if (work == Work::kScripts) {
      filter.allow(call);
    } else {
      filter.allow(call, masked(2, PROT_EXEC, 0));
    }
  }
  filter.allow_none();
  filter.allow(SCMP_SYS(ioctl), equals(1, TCGETS));  // is this a terminal?
  // fstat() of a descriptor, as the C library asks for it: no name is looked up.
  if (work != Work::kScripts) {
    filter.allow(SCMP_SYS(newfstatat), masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH));
  }
  if (const int code = filter.load(); code != 0) {
    return errno_error("give up system calls that this work does not need (seccomp)", code);
  }
  return {};
}

std::string confine_if_possible(Work work) {
  const auto confined = confine_process(work);
  return confined ? std::string() : fmt::format("{}: going on without", confined.error().message);
}

}  // namespace perilune::hooks
