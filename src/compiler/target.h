// Where compiled code is to run, as far as it changes what a script may do there.
#pragma once

#include <string>

namespace perilune::compiler {

struct Target {
  bool kernel = false;           // else in this process
  bool writes = true;            // packets can be written to
  bool answers = true;           // 'reject' tells the sender
  bool has_frame = true;         // pkt.frame is there; else only IP packets come
  std::string why_no_mark;       // what to do instead of setting pkt.mark; empty: it can be set
  std::string direction = "in";  // pkt.direction in the kernel; else by the packet's flags
  std::string interface;         // pkt.interface in the kernel; empty: not known at load
  bool asks_not_ip = false;      // the script is called for frames without IP, too

  /// Where packets begin with IP and can only be read, and nothing can be sent.
  [[nodiscard]] static Target looking_only() {
    Target target = in_kernel();
    target.writes = false;
    target.answers = false;
    target.has_frame = false;
    return target;
  }

  bool operator==(const Target&) const = default;

  [[nodiscard]] static Target in_kernel() {
    Target target;
    target.kernel = true;
    return target;
  }
};

}  // namespace perilune::compiler
