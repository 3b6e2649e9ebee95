#include "engine/engine.h"

namespace perilune::engine {
namespace {

// A script may invent places (error("a.lua:" .. n .. ": ...", 0)); it must not fill our memory with them.
constexpr size_t kMaxPlaces = 1'000;
constexpr const char* kOtherPlaces = "(other places)";

}  // namespace

bool ErrorLog::add(const script::ScriptError& error, uint64_t event) {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find({error.file, error.line});
  if (found != entries_.end()) {
    ++found->second.count;
    return false;
  }
  const bool full = entries_.size() >= kMaxPlaces;
  auto [entry, is_new] =
      entries_.try_emplace(full ? std::pair{std::string(kOtherPlaces), 0U} : std::pair{error.file, error.line});
  if (is_new) {
    entry->second = Entry{error, 0, event};
    if (full) entry->second.error.file = kOtherPlaces;
  }
  ++entry->second.count;
  return is_new;
}

std::vector<ErrorLog::Entry> ErrorLog::entries() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> result;
  result.reserve(entries_.size());
  for (const auto& [place, entry] : entries_)
    result.push_back(entry);
  return result;
}

}  // namespace perilune::engine
