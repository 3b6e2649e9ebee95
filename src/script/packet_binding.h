// The arguments of a packet script, `hdr, pld, pkt`, over one packet; and its result as a verdict.
//
// Copy on write: the hook's bytes are never written. The first write of a script copies the frame into a buffer of the
// binding (with room to grow), and the views see that from then on; so a script error leaves the packet as it was.
#pragma once

#include <lua.h>

#include <memory>
#include <optional>
#include <string>

#include "packet/location.h"
#include "packet/packet.h"
#include "script/state.h"

namespace perilune::script {

class PacketBinding final : public Arguments {
 public:
  explicit PacketBinding(State& state);
  ~PacketBinding() override;
  PacketBinding(const PacketBinding&) = delete;
  PacketBinding& operator=(const PacketBinding&) = delete;

  /// Shows scripts this packet from now on, until end(). `location` is its located headers.
  void begin(const packet::Packet& packet, const packet::Location& location);
  int push(lua_State* L, int wanted) override;

  enum class ResultKind { kVerdict, kNoOpinion, kInvalid };
  struct ScriptResult {
    ResultKind kind = ResultKind::kNoOpinion;
    packet::Verdict verdict = packet::Verdict::kPass;
    std::string problem;  // kInvalid: "filter returned a table; ..."
  };
  /// Reads the value at the top of the stack: true, false, nil, or a named verdict.
  [[nodiscard]] ScriptResult read_result(lua_State* L) const;

  /// Fills modified, bytes (checksums repaired), mark_set and mark of `decision`.
  void commit(packet::Decision& decision);
  /// Cuts all views off the packet.
  void end();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perilune::script
