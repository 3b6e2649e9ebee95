#include "script/state/state.h"

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include "script/state/load_diagnostics.h"
#include "script/state/source.h"
#include "script/state/state_internals.h"

namespace perilune::script {
namespace {

// The bottom of the stack, for as long as the state lives.
constexpr int kHandlerIndex = 1;
constexpr int kEntryIndex = 2;

constexpr size_t kArgumentsOverdraft = size_t{8} << 10;
constexpr int kStackForArguments = 64;
constexpr size_t kBytesPerUnit = 256;  // copying this much counts as one instruction

/// Only reached when Lua meets an error outside every protected call: a fault of ours, or a system without memory.
int panic(lua_State* L) {
  const char* message = lua_tostring(L, -1);
  std::fprintf(stderr, "perilune: error outside a protected call: %s\n", message == nullptr ? "(no message)" : message);
  std::abort();
}

/// What load() hands through lua_pcall.
struct LoadRequest {
  std::string_view text;
  const std::string* name;
  LoadRecord* record = nullptr;
  int compile_status = LUA_OK;
};

int set_up(lua_State* L) {
  install_sandbox(L);
  return 0;
}

int run_main_chunk(lua_State* L) {
  auto& request = *static_cast<LoadRequest*>(lua_touserdata(L, 1));
  request.compile_status = compile(L, request.text, *request.name);
  if (request.compile_status != LUA_OK) return lua_error(L);
  lua_call(L, 0, 1);
  if (request.record != nullptr && !lua_isnil(L, -1)) request.record->returned = luaL_typename(L, -1);
  return 0;
}

/// The string at index 1 as a global, raw: the value, or nil.
int raw_global(lua_State* L) {
  lua_pushglobaltable(L);
  lua_pushstring(L, static_cast<const char*>(lua_touserdata(L, 1)));
  lua_rawget(L, -2);
  return 1;
}

struct Reader {
  std::string_view rest;
};

/// Gives the compiler its text in small pieces, so that time is checked while it works: some of its work is quadratic.
const char* read_piece(lua_State* L, void* data, size_t* size) {
  constexpr size_t kPiece = 4096;
  auto& reader = *static_cast<Reader*>(data);
  State::charge(L, kPiece / 4);
  const std::string_view piece = reader.rest.substr(0, kPiece);
  reader.rest.remove_prefix(piece.size());
  *size = piece.size();
  return piece.empty() ? nullptr : piece.data();
}

}  // namespace

State::Impl::Impl(const Options& the_options, std::string the_folder)
    : options(the_options),
      folder(std::move(the_folder)),
      allocator(the_options.limits.memory),
      random(the_options.seed.has_value() ? *the_options.seed : Random::system_seed()) {
  allocator.set_listener(this);
}

State::Impl::~Impl() {
  allocator.set_overdraft(kArgumentsOverdraft);
  if (L != nullptr) lua_close(L);
}

void State::Impl::on_refused() {
  refused_file.clear();
  refused_line = 0;
  if (L != nullptr) current_place(L, refused_file, refused_line);
}

bool State::Impl::on_large(size_t bytes, bool is_string) {
  if (L == nullptr) return true;
  budget.note_block(L, bytes, is_string);
  budget.charge_later(L, bytes / kBytesPerUnit);
  return budget.allows_block(L);
}

State::State(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

State::~State() = default;

State& State::of(lua_State* L) {
  State* state = nullptr;
  std::memcpy(static_cast<void*>(&state), lua_getextraspace(L), sizeof(void*));
  return *state;
}

void State::charge(lua_State* L, uint64_t units) {
  StateInternals::of(L).budget.charge(L, units);
}

void count_hook(lua_State* L, lua_Debug* activation) {
  State::Impl& impl = StateInternals::of(L);
  if (activation->event == LUA_HOOKCOUNT) {
    impl.budget.on_hook(L);
    return;
  }
  // A return; of the entry point when nothing is below it.
  lua_Debug below;
  if (lua_getstack(L, 1, &below) != 0) return;
  lua_getinfo(L, "l", activation);
  impl.return_line = activation->currentline > 0 ? static_cast<uint32_t>(activation->currentline) : 0;
}

int compile(lua_State* L, std::string_view text, const std::string& name) {
  State::Impl& impl = StateInternals::of(L);
  impl.chunks.push_back({name, short_chunk_name(name)});
  if (impl.options.record != nullptr) impl.options.record->sources.push_back({name, std::string(text)});
  lua_pushfstring(L, "@%s", name.c_str());
  Reader reader{text};
  const int status = lua_load(L, read_piece, &reader, lua_tostring(L, -1), "t");
  lua_remove(L, -2);
  return status;
}

tl::expected<std::unique_ptr<State>, Diagnostics> State::load_file(const std::string& path, const Options& options) {
  auto text = read_script(path);
  if (!text) return tl::make_unexpected(text.error());
  return load(*text, path, folder_of(path), options);
}

tl::expected<std::unique_ptr<State>, Diagnostics> State::load_text(std::string_view text, const std::string& name,
                                                                   const std::string& folder, const Options& options) {
  auto cleaned = clean_text(std::string(text), name);
  if (!cleaned) return tl::make_unexpected(cleaned.error());
  return load(*cleaned, name, folder, options);
}

tl::expected<std::unique_ptr<State>, Diagnostics> State::load(std::string_view text, const std::string& name,
                                                              const std::string& folder, const Options& options) {
  std::unique_ptr<State> state(new State(std::make_unique<Impl>(options, folder)));
  Impl& impl = *state->impl_;
  lua_State* L = lua_newstate(Allocator::allocate, &impl.allocator);
  if (L == nullptr) return tl::make_unexpected(memory_too_small(name, options));
  lua_atpanic(L, panic);
  State* pointer = state.get();
  std::memcpy(lua_getextraspace(L), static_cast<const void*>(&pointer), sizeof(void*));
  impl.L = L;

  lua_pushcfunction(L, handle_error);
  lua_pushcfunction(L, set_up);
  if (const int status = lua_pcall(L, 0, 0, kHandlerIndex); status != LUA_OK) {
    complete_error(impl, status);
    if (status == LUA_ERRMEM) return tl::make_unexpected(memory_too_small(name, options));
    return tl::make_unexpected(load_error(impl, name, false));
  }

  LoadRequest request{text, &name, options.record};
  impl.budget.start(L, count_hook, 0, options.limits.load_instructions, options.limits.load_time);
  lua_pushcfunction(L, run_main_chunk);
  lua_pushlightuserdata(L, &request);
  const int status = lua_pcall(L, 1, 0, kHandlerIndex);
  impl.allocator.set_overdraft(0);
  tell_more_lines(impl, kMostLoadLogLines);
  if (status != LUA_OK || impl.budget.spent() != Budget::Spent::kNo) {
    complete_error(impl, status);
    return tl::make_unexpected(load_error(impl, name, request.compile_status == LUA_ERRSYNTAX));
  }
  impl.budget.stop(L);
  impl.loading = false;
  impl.options.record = nullptr;

  // The overdraft serves the name of the entry point and the stack for its arguments.
  impl.allocator.set_overdraft(kArgumentsOverdraft);
  lua_pushcfunction(L, raw_global);
  lua_pushlightuserdata(L, const_cast<char*>(options.function.c_str()));
  const bool looked = lua_pcall(L, 1, 1, kHandlerIndex) == LUA_OK;
  const bool room = lua_checkstack(L, kStackForArguments) != 0;
  impl.allocator.set_overdraft(0);
  if (!looked || !room) return tl::make_unexpected(memory_too_small(name, options));
  if (!lua_isfunction(L, kEntryIndex)) return tl::make_unexpected(no_entry_point(impl, name));
  lua_Debug activation;
  lua_pushvalue(L, kEntryIndex);
  lua_getinfo(L, ">u", &activation);
  impl.wanted_arguments = activation.isvararg != 0 ? INT_MAX : activation.nparams;
  return state;
}

bool State::call(Arguments& arguments, uint64_t event_number) {
  Impl& impl = *impl_;
  lua_State* L = impl.L;
  impl.event_number = event_number;
  impl.return_line = 0;
  impl.log_lines = 0;
  if (impl.allocator.used() > impl.allocator.limit()) {
    // Arguments of earlier calls, pushed on overdraft and kept by the script: they must not add up.
    lua_gc(L, LUA_GCCOLLECT);
    if (impl.allocator.used() > impl.allocator.limit()) {
      impl.on_refused();
      complete_error(impl, LUA_ERRMEM);
      return false;
    }
  }
  impl.budget.start(L, count_hook, impl.options.record_line ? LUA_MASKRET : 0, impl.options.limits.call_instructions,
                    impl.options.limits.call_time);
  lua_pushvalue(L, kEntryIndex);
  impl.allocator.set_overdraft(kArgumentsOverdraft);
  const int pushed = impl.wanted_arguments > 0 ? arguments.push(L, impl.wanted_arguments) : 0;
  impl.allocator.set_overdraft(0);
  const int status = lua_pcall(L, pushed, 1, kHandlerIndex);
  if (impl.log_lines > kMostLogLines) [[unlikely]]
    tell_more_lines(impl, kMostLogLines);
  if (status == LUA_OK && impl.budget.spent() == Budget::Spent::kNo) [[likely]]
    return true;
  complete_error(impl, status);
  lua_settop(L, kEntryIndex);
  return false;
}

void State::finish() noexcept {
  lua_settop(impl_->L, kEntryIndex);
}

const ScriptError& State::error() const {
  return impl_->error;
}
uint32_t State::return_line() const {
  return impl_->return_line;
}
lua_State* State::lua() const {
  return impl_->L;
}
const Options& State::options() const {
  return impl_->options;
}
uint64_t State::event_number() const {
  return impl_->event_number;
}
bool State::loading() const {
  return impl_->loading;
}
size_t State::memory_used() const {
  return impl_->allocator.used();
}

Random& State::random() {
  return impl_->random;
}

uint64_t State::now_ns() const {
  static const SystemClock system;
  return impl_->options.clock != nullptr ? impl_->options.clock->now_ns() : system.now_ns();
}

}  // namespace perilune::script
