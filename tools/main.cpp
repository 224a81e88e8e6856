// `arcuate`: parse, call the library, print. Errors are one line on standard error and exit code 1.
#include "arcuate/core/error.hpp"
#include "command.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>

namespace arcuate::tools {
#define ARCUATE_COMMAND(name) void add_##name(CLI::App& root);
#include "commands.inc"
#undef ARCUATE_COMMAND
}  // namespace arcuate::tools

namespace {
int fail(const std::string& text) {
    fmt::print(stderr, "arcuate: error: {}\n", text);
    return 1;
}
}  // namespace

int main(int argc, char** argv) {
    using namespace arcuate;
    tools::set_command_line(argc, argv);
    CLI::App root{"Arcuate: from diffusion MRI to the connectomes of a longitudinal study, on CPUs and NVIDIA GPUs, with the same bytes on either.", "arcuate"};
    root.set_version_flag("--version", "arcuate " + version());
    root.require_subcommand(1);
    root.footer("Every subcommand explains itself: arcuate <subcommand> --help\nA first try:  arcuate demo demo_out");
#define ARCUATE_COMMAND(name) tools::add_##name(root);
#include "commands.inc"
#undef ARCUATE_COMMAND
    try {
        root.parse(argc, argv);
    } catch (const CLI::Success& request) {  // --help, --version
        return root.exit(request);
    } catch (const CLI::ParseError& error) {
        std::string where = "arcuate";
        for (const CLI::App* app = &root; !app->get_subcommands().empty();) where += " " + (app = app->get_subcommands().front())->get_name();
        return fail(fmt::format("{}; see {} --help", error.what(), where));
    } catch (const Error& error) {
        return fail(error.what());
    } catch (const std::bad_alloc&) {
        return fail("not enough memory; close other programs or use a smaller --chunk");
    } catch (const std::exception& error) {
        return fail(fmt::format("{} (this is a fault of Arcuate itself; please report it with the command line)", error.what()));
    }
    return 0;
}
