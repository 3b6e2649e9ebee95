// The process that holds the divert rule.
//
// The process that judges gives up its privileges, so it cannot take its rule away at the end. A child that is forked
// at the start keeps them, reads no packet and runs no script, and does three things: it installs the rule, removes it
// when asked to, and adds a rule when the interface gets another name. When the other end of the socket closes without
// that request, the run was killed or ended by a fault: the rule stays, and nothing passes unjudged.
//
// Messages, one a datagram. Requests: kInstall with the queues, kRemove. Answers: kDone and texts ('d' description, 'n'
// note before each), or kInput or kSystem with message and hint. Texts end with a zero byte.
#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <cstring>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/file_descriptor.h"
#include "bpf/interfaces.h"
#include "hooks/divert.h"
#include "hooks/divert/backend.h"

namespace perilune::hooks {

namespace divert {

namespace {

constexpr char kInstall = 'I';
constexpr char kRemove = 'R';
constexpr char kDone = 'D';
constexpr char kInput = 'i';
constexpr char kSystem = 's';
constexpr int kBehindMilliseconds = 200;
constexpr size_t kLongestMessage = 64U << 10;

struct Request {
  char kind = 0;
  bool has_others = false;
  QueueRange queues;
  QueueRange others;
};

std::string answer_of(const Error& error) {
  return fmt::format("{}{}{}{}{}", error.fault == Fault::kInput ? kInput : kSystem, error.message, '\0', error.hint,
                     '\0');
}

std::vector<std::string> texts_of(std::string_view answer) {
  std::vector<std::string> texts;
  for (size_t end = 0; (end = answer.find('\0')) != std::string_view::npos; answer.remove_prefix(end + 1))
    texts.emplace_back(answer.substr(0, end));
  return texts;
}

/// Between a call that failed and the next try.
void pause() {
  ::usleep(10'000);
}

/// A call that fails for a moment (no memory) is tried again; false: the other end is gone.
bool send_all(int channel, const void* message, size_t size) {
  while (::send(channel, message, size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) {
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return false;
    pause();
  }
  return true;
}

/// As recv(); 0: the other end is gone.
ssize_t receive(int channel, std::string& message) {
  while (true) {
    const ssize_t length = ::recv(channel, message.data(), message.size(), 0);
    if (length >= 0) return length;
    if (errno == ECONNRESET) return 0;
    if (errno != EINTR) pause();
  }
}

/// Waits a moment for room in a pipe that is not read, not longer: this process must be there to remove the rule.
void say(const std::string& text) {
  constexpr int kPatienceMilliseconds = 100;
  const std::string line = fmt::format("perilune: {}\n", text).substr(0, PIPE_BUF);
  pollfd waiting{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&waiting, 1, kPatienceMilliseconds) <= 0) return;
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

/// What runs in the child.
class KeeperProcess {
 public:
  KeeperProcess(FileDescriptor channel, DivertSpec spec, bool fail_open, const Owner& owner)
      : channel_(std::move(channel)), spec_(std::move(spec)), fail_open_(fail_open), owner_(owner) {}

  void run() {
    if (const auto kept = set_up(); !kept) {
      say(fmt::format("error: the process that holds the divert rule cannot begin: {}", kept.error().message));
      return;  // the other end of the socket notices
    }
    while (true) {
      std::array<pollfd, 2> waited{{{channel_.get(), POLLIN, 0}, {links_.get(), POLLIN, 0}}};
      if (::poll(waited.data(), links_ ? 2 : 1, behind_ ? kBehindMilliseconds : -1) < 0) {
        if (errno != EINTR) pause();
        continue;
      }
      if (links_ && (behind_ || waited[1].revents != 0)) follow_interface();
      if (waited[0].revents == 0) continue;
      Request request;
      const ssize_t length = ::recv(channel_.get(), &request, sizeof request, 0);
      if (length < 0) {  // only 0 is the other end's end
        pause();
        continue;
      }
      if (length != sizeof request) break;
      const std::string answer = request.kind == kInstall ? install(request) : remove();
      if (!send_all(channel_.get(), answer.data(), answer.size())) break;
    }
    if (installed_.empty()) return;  // nothing was installed, or all was removed
    say(fmt::format(
        "process {} ended without being asked to; its divert rule stays: {}; start the run again, or remove "
        "the rule with: perilune run --undivert",
        owner_.pid, fail_open_ ? "packets pass, as --fail-open says" : "what it diverts is dropped until then"));
  }

 private:
  Result<void> set_up() {
    ::prctl(PR_SET_NAME, "perilune-keeper");
    // Ctrl-C and a service manager mean the whole group; what ends this process is the other one's end.
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGTSTP})
      (void)std::signal(number, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Whoever reads the run's output waits for the end of the run, not for this process.
    if (const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC); nothing >= 0) {
      ::dup2(nothing, STDIN_FILENO);
      ::dup2(nothing, STDOUT_FILENO);
      ::close(nothing);
    }
    return keep_only({CAP_NET_ADMIN, CAP_NET_RAW});
  }

  std::string install(const Request& request) {
    if (!spec_.interface.empty()) {
      if (const auto listening = listen_for_interfaces(); !listening) return answer_of(listening.error());
    }
    queues_ = {request.queues, request.has_others ? std::optional(request.others) : std::nullopt};
    auto done = install_for(owner_, spec_, queues_, fail_open_);
    if (!done) return answer_of(done.error());
    std::string answer(1, kDone);
    for (const std::string& line : (*done)->description())
      answer += 'd' + line + '\0';
    for (const std::string& line : (*done)->notes())
      answer += 'n' + line + '\0';
    if (!spec_.interface.empty()) {
      names_ = current_names();  // behind_ then says whether they are all
      if (names_.empty()) {
        answer += fmt::format("n{} is not there yet: the rule waits for it", spec_.interface) + '\0';
        names_.insert(spec_.interface);
      }
    }
    installed_.push_back(std::move(*done));
    return answer;
  }

  std::string remove() {
    std::string answer(1, kDone);
    for (auto at = installed_.begin(); at != installed_.end();) {
      if (const auto removed = (*at)->remove(); !removed) {
        answer = answer_of(removed.error());
        ++at;
      } else {
        removed_.push_back(std::move(*at));  // an emptied nft table goes with the process, see nft.cpp
        at = installed_.erase(at);
      }
    }
    return answer;
  }

  Result<void> listen_for_interfaces() {
    links_ = FileDescriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl groups{};
    groups.nl_family = AF_NETLINK;
    groups.nl_groups = RTMGRP_LINK;
    if (!links_ || ::bind(links_.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) {
      return errno_error("listen for changes of network interfaces", errno);
    }
    return {};
  }

  /// What the interface is called: the one that has the name the user gave, and the one that had it at first. When the
  /// kernel could not be asked, behind_ is set, and it is asked again soon.
  std::set<std::string> current_names() {
    behind_ = false;
    std::set<std::string> names;
    const auto found = bpf::find_interface(spec_.interface);
    if (found) {
      if (index_ == 0) index_ = found->index;
      names.insert(found->name);
    } else if (found.error().fault == Fault::kSystem) {
      behind_ = true;
    }
    if (index_ == 0) return names;
    const auto known = bpf::interface_at(index_);
    if (known && *known) names.insert((*known)->name);
    if (!known) behind_ = true;
    return names;
  }

  /// A rule knows an interface by its name. Rules of former names stay: another interface may get the name.
  void follow_interface() {
    std::array<char, 8192> news{};
    while (::recv(links_.get(), news.data(), news.size(), MSG_DONTWAIT) > 0) {
    }
    if (installed_.empty()) return;
    for (const std::string& name : current_names()) {
      if (names_.contains(name)) continue;
      DivertSpec renamed = spec_;
      renamed.interface = name;
      auto done = install_rules(rules_for(renamed, queues_, fail_open_, owner_));
      if (!done) {
        // Said once a name: it is tried again until it succeeds.
        if (missed_.insert(name).second) {
          say(fmt::format("error: {} is now called {}, and its packets are not diverted until that succeeds: {}",
                          spec_.interface, name, done.error().message));
        }
        behind_ = true;
        continue;
      }
      names_.insert(name);
      installed_.push_back(std::move(*done));
      say(fmt::format("note: {} is now called {}: a rule for that name was added", spec_.interface, name));
    }
  }

  FileDescriptor channel_;
  FileDescriptor links_;
  DivertSpec spec_;
  bool fail_open_;
  Owner owner_;
  DivertQueues queues_;
  uint32_t index_ = 0;            // of the interface, once it was there
  std::set<std::string> names_;   // there are rules for these
  std::set<std::string> missed_;  // it was said that there is none for these
  bool behind_ = false;           // the names could not be asked for, or a rule could not be added: again soon
  std::vector<std::unique_ptr<Divert>> installed_;
  std::vector<std::unique_ptr<Divert>> removed_;
};

class KeeperHandle final : public DivertKeeper {
 public:
  KeeperHandle(pid_t pid, FileDescriptor channel) : pid_(pid), channel_(std::move(channel)) {}
  ~KeeperHandle() override {
    channel_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  KeeperHandle(const KeeperHandle&) = delete;
  KeeperHandle& operator=(const KeeperHandle&) = delete;

  Result<void> install(const DivertQueues& queues) override {
    Request request;
    request.kind = kInstall;
    request.queues = queues.queues;
    request.has_others = queues.others.has_value();
    if (queues.others) request.others = *queues.others;
    const auto texts = ask(request);
    if (!texts) return tl::make_unexpected(texts.error());
    for (const std::string& text : *texts)
      (text.starts_with('d') ? description_ : notes_).push_back(text.substr(1));
    return {};
  }
  Result<void> remove() override {
    Request request;
    request.kind = kRemove;
    const auto texts = ask(request);
    if (!texts) return tl::make_unexpected(texts.error());
    return {};
  }
  [[nodiscard]] std::vector<std::string> description() const override { return description_; }
  [[nodiscard]] std::vector<std::string> notes() const override { return notes_; }

 private:
  Result<std::vector<std::string>> ask(const Request& request) {
    std::string answer(kLongestMessage, '\0');
    ssize_t length = 0;
    if (send_all(channel_.get(), &request, sizeof request)) length = receive(channel_.get(), answer);
    if (length == 0) {
      return system_error("the process that holds the divert rule is gone; the rule stays, and nothing passes",
                          "remove the rule with: perilune run --undivert");
    }
    answer.resize(static_cast<size_t>(length));
    const char kind = answer.front();
    std::vector<std::string> texts = texts_of(std::string_view(answer).substr(1));
    if (kind == divert::kDone) return texts;
    texts.resize(2);
    return tl::make_unexpected(Error{kind == kInput ? Fault::kInput : Fault::kSystem, texts[0], texts[1]});
  }

  pid_t pid_;
  FileDescriptor channel_;
  std::vector<std::string> description_;
  std::vector<std::string> notes_;
};

}  // namespace

}  // namespace divert

Result<std::unique_ptr<DivertKeeper>> DivertKeeper::start(const DivertSpec& spec, bool fail_open) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error("make a pair of sockets", errno);
  }
  FileDescriptor ours(ends[0]);
  FileDescriptor theirs(ends[1]);
  const auto owner = divert::this_process(divert::identity_of(spec));
  if (!owner) return tl::make_unexpected(owner.error());
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("start the process that holds the divert rule", errno);
  if (pid == 0) {
    ours.reset();
    {
      divert::KeeperProcess keeper(std::move(theirs), spec, fail_open, *owner);
      keeper.run();
    }
    ::_exit(0);
  }
  return std::make_unique<divert::KeeperHandle>(pid, std::move(ours));
}

}  // namespace perilune::hooks
