// The command line as a whole: which command, what to say when there is none, and how mistakes are explained.
#include <algorithm>
#include <csignal>
#include <new>
#include <string>

#include "base/spelling.h"
#include "bpf/pins.h"
#include "bpf/system_call.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/shortage.h"
#include "cli/stream.h"
#include "cli/terminal.h"

namespace perilune::cli {
namespace {

constexpr const char* kVersion = "perilune 0.1.0";

constexpr const char* kExamples = R"(
A filter is a Lua function that is called for every packet and says what happens to it:

  function filter(hdr, pld, pkt)     -- headers, payload, and what is known about the packet
    return pkt.dport ~= 23           -- true: pass, false: block
  end

Examples:
  perilune run ssh.lua trace.pcap                        judge the packets of a capture
  sudo perilune run ssh.lua --divert 'in tcp dport 22'   judge live traffic
  perilune check ssh.lua                                 find mistakes without running packets
  perilune test .                                        run all *.test.lua here and below
  sudo perilune load ssh ssh.lua --at xdp:eth0           put it into the kernel, where it stays
  sudo perilune unload ssh                               and take it out again

'perilune COMMAND --help' explains a command.
Exit status: 0 done; 1 mistakes in what was given (script, capture, options, failed tests); 2 it cannot run here.)";

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames())
      names.push_back("--" + name);
    for (const std::string& name : option->get_snames())
      names.push_back("-" + name);
  }
  return names;
}

Error unknown_option(const CLI::App& app, const std::string& word) {
  const std::string option = word.substr(0, word.find('='));
  const std::string meant = did_you_mean(option, long_options(app));
  const std::string help =
      fmt::format("'perilune {}--help' lists all options", app.get_parent() == nullptr ? "" : app.get_name() + " ");
  return input_error(fmt::format("unknown option '{}'", option), meant.empty() ? help : meant + " " + help).value();
}

/// The first word is not a command: a mistyped one, or a file that is to be run.
Error unknown_command(const std::string& word, const std::vector<std::string>& commands) {
  const std::string meant = did_you_mean(word, commands);
  std::string hint = fmt::format("the commands are {}; 'perilune --help' explains them", fmt::join(commands, ", "));
  if (word.ends_with(".lua")) {
    hint = fmt::format("to judge packets with a script: perilune run {} CAPTURE", word);
  } else if (!meant.empty()) {
    hint = meant;
  }
  return input_error(fmt::format("unknown command '{}'", word), hint).value();
}

/// The help of the command that was named, or of the program; without CLI11's double blank lines.
std::string help_of(const CLI::App& program) {
  std::string text = program.help();
  for (size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;)
    text.erase(at, 1);
  return text;
}

/// Everything but what is done around each command.
int run_command(int argc, const char* const* argv) {
  CLI::App program{"Perilune: Lua filters on packets, in captures, on live traffic and in the kernel.", "perilune"};
  program.set_version_flag("--version", kVersion, "Print the version");
  program.set_help_flag("-h,--help", "Print this help");
  program.formatter(std::make_shared<Help>("Usage: perilune COMMAND ..."));
  program.footer(kExamples);
  program.allow_extras();
  program.require_subcommand(0, 1);  // the words after a command are its own, also where they are called like another

  std::vector<Command> commands;
  for (const auto add : {add_run, add_check, add_test, add_explain, add_compile, add_load, add_reload, add_unload,
                         add_list, add_show, add_stats, add_events, add_features})
    commands.push_back(add(program));
  std::vector<std::string> names;
  for (const Command& command : commands) {
    command.app->allow_extras();
    command.app->group("Commands");
    names.push_back(command.app->get_name());
  }

  if (argc >= 2 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    return print_error(unknown_command(argv[1], names));
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForVersion&) {
    print_to(stdout, "{}\n", kVersion);
    return kDone;
  } catch (const CLI::CallForHelp&) {
    print_to(stdout, "{}", help_of(program));
    return kDone;
  } catch (const CLI::ParseError& error) {
    const CLI::App* at = program.get_subcommands().empty() ? &program : program.get_subcommands().front();
    return print_error(input_error(error.what(), fmt::format("'perilune {}--help' explains the options",
                                                             at == &program ? "" : at->get_name() + " "))
                           .value());
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    if (const std::vector<std::string> extras = command.app->remaining(); !extras.empty()) {
      return print_error(unknown_option(*command.app, extras.front()));
    }
    return command.run();
  }
  if (const std::vector<std::string> extras = program.remaining(); !extras.empty()) {
    return print_error(unknown_option(program, extras.front()));
  }
  print_to(stderr, "{}", help_of(program));
  return kInputAtFault;
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  // A reader that goes away shows as EPIPE where we write, a file that may not grow further as EFBIG.
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)std::signal(SIGXFSZ, SIG_IGN);
  open_missing_streams();
  bpf::keep_libbpf_quiet();
  bpf::tell_who_is_waited_for([](const std::string& holder) {
    print_to(stderr, "perilune: waiting for {}: one command at a time changes filters\n", printable(holder));
  });
  // Whatever was begun is taken back by the destructors on the way here.
  try {
    return finish_streams(run_command(argc, argv));
  } catch (const std::bad_alloc&) {
    return tell_shortage();
  }
}

}  // namespace perilune::cli
