// The arguments of a packet script, `hdr, pld, pkt`, over one packet; and its result as a verdict.
//
//   hdr   from the first byte of the IP header to the end of the transport header; empty for a frame without IP
//   pld   what follows, up to the IP length (padding excluded); for a frame without IP, all after the link header
//   pkt   facts and parts (packet_object.h)
//
// Copy on write: the hook's bytes are never written. The first write of a script copies the frame into a buffer of the
// binding (with room to grow), and the views see that from then on; so a script error leaves the packet as it was.
//
// Only what the function declares is made: `function filter(hdr, pld)` costs two views, `function filter()` nothing.
#pragma once

#include <memory>
#include <string>

#include <lua.h>

#include "packet/location.h"
#include "packet/packet.h"
#include "script/state/state.h"

namespace perilune::script {

class PacketBinding final : public Arguments {
 public:
  /// `state` must outlive the binding. One binding a state.
  explicit PacketBinding(State& state);
  ~PacketBinding() override;
  PacketBinding(const PacketBinding&) = delete;
  PacketBinding& operator=(const PacketBinding&) = delete;

  /// False when the state's memory limit left no room for the binding: calls would fail.
  [[nodiscard]] bool ready() const;

  /// Shows scripts this packet from now on, until end(). `location` is its located headers. Both are borrowed until
  /// commit().
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

  /// Fills modified, bytes (checksums repaired), mark_set and mark of `decision`. The script's own fault when the
  /// packet is malformed after its writes: then says how, and `decision` is as it was. The bytes are valid until the
  /// next begin().
  [[nodiscard]] packet::Malformed commit(packet::Decision& decision);
  /// Cuts all views off the packet.
  void end();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perilune::script
