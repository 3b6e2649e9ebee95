// What loaded filters tell: records from the ring buffers of all attachments of one filter.
//
// A ring keeps its oldest records when it is full: what is not read is lost at the end. Blocked packets are recorded
// only while a program listens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/inspection.h"
#include "bpf/map.h"
#include "event/slot.h"

namespace perilune::bpf {

/// One record. `bytes` follow the header in the ring and are valid during the call.
struct FilterEvent {
  const Attachment* attachment = nullptr;
  const std::string* place = nullptr;  // the hook as it is called now
  pl_event header{};
  std::span<const uint8_t> bytes;
};

/// The rings of a filter as it is loaded now; a reload makes new ones. One listener at a time.
class FilterEvents {
 public:
  using Handler = std::function<void(const FilterEvent&)>;

  [[nodiscard]] static Result<FilterEvents> open(const std::string& name);
  FilterEvents(FilterEvents&&) noexcept;
  FilterEvents& operator=(FilterEvents&&) noexcept;
  FilterEvents(const FilterEvents&) = delete;
  FilterEvents& operator=(const FilterEvents&) = delete;
  ~FilterEvents();

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const Manifest& manifest() const;
  /// It was reloaded or unloaded since; what is still in the rings can be read all the same.
  [[nodiscard]] bool outdated() const;
  /// Readable when there are records, for poll(2).
  [[nodiscard]] std::vector<int> descriptors() const;
  /// Hands over all records there are; returns how many.
  size_t read(const Handler& handler);

 private:
  struct State;
  explicit FilterEvents(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace perilune::bpf
