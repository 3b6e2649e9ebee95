// The whole way from a loaded script to an image.
#include "compiler/compiler.h"
#include "compiler/lowering/lowering.h"
#include "ir/generate/passes.h"

namespace perilune::compiler {

tl::expected<Compiled, Diagnostics> compile_filter(script::State& state, const Target& target, const Options& options) {
  World world(state);
  // Each iteration knows more variables; there cannot be more iterations than types and variables.
  for (int round = 0; round < 500; ++round) {
    Lowering lowering(world, target);
    try {
      lowering.run();
    } catch (const Restart&) {
      continue;
    } catch (const Refusal& refusal) {
      Diagnostics diagnostics = lowering.diagnostics();
      if (diagnostics.empty() || diagnostics.back().code != refusal.code) {
        diagnostics.push_back(
            {Severity::kError, refusal.code, refusal.file, refusal.line, refusal.message, refusal.hint});
      }
      return tl::make_unexpected(std::move(diagnostics));
    }
    if (!lowering.diagnostics().empty()) return tl::make_unexpected(lowering.diagnostics());
    lowering.finish_image();
    ir::Function& function = lowering.function();
    const std::string& file = world.files().empty() ? state.options().function : world.files()[0];
    if (const std::string problem = ir::verify(function); !problem.empty()) {
      return tl::make_unexpected(Diagnostics{
          {Severity::kError, "compiler-bug", file, 0, "a fault of the compiler, please report it: " + problem, ""}});
    }
    ir::simplify(function);
    Compiled compiled;
    if (options.keep_ir) compiled.ir_text = ir::to_text(function);
    auto code = ir::generate(function);
    if (!code) {
      return tl::make_unexpected(Diagnostics{{Severity::kError, "too-large", file, 0, code.error().message,
                                              "make loops over constants shorter, or use a table look-up instead"}});
    }
    compiled.image = std::move(lowering.image());
    compiled.image.code = std::move(*code);
    for (script::Map* map : lowering.maps())
      compiled.maps.push_back(map->declaration());
    return compiled;
  }
  return tl::make_unexpected(
      Diagnostics{{Severity::kError, "compiler-bug", "", 0,
                   "a fault of the compiler, please report it: it does not come to an end", ""}});
}

}  // namespace perilune::compiler
