// What every subcommand shares: the common options, the device, progress, and the order of inputs before outputs.
//
// A subcommand is one file, command_<name>.cpp, with one function `void add_<name>(CLI::App& root)`, and one line in commands.inc.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/provenance.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace arcuate::tools {

/// The state of one invocation. Parsed options live in the subcommand's own closure; this holds what all of them have.
class Run {
  public:
    ~Run() { stop_.request_stop(); }

    std::string command;  ///< "tensor"
    std::string device_spec = "auto";
    int threads = 0;
    std::int64_t device_memory = Device::no_limit;
    bool force = false;
    bool quiet = false;
    bool verbose = false;

    /// Opened at first use.
    const Device& device();
    /// All of --device, for the commands that use several.
    const std::vector<Device>& devices();
    /// A bar on a terminal, a line every few seconds elsewhere, nothing with --quiet. On standard error.
    Progress& progress();
    /// A line on standard error unless --quiet. Results that a script may want go to standard output instead.
    void say(const std::string& text) const;
    /// The same, only with --verbose.
    void say_verbose(const std::string& text) const;
    /// A line that starts with "warning: ", also with --quiet.
    void warn(const std::string& text) const;

    /// Said before a large input is read; begins what can go on beside that: fingerprinting it, for provenance(), and opening the device, which takes a GPU some tenths of a second.
    void reading(const std::string& path);
    /// Fingerprints the inputs (role, path) and fills in how the run was done; call it when the result is there.
    Provenance provenance(std::vector<std::pair<std::string, std::string>> parameters,
                          const std::vector<std::pair<std::string, std::string>>& inputs);
    /// Checks every output before any work: folder writable, nothing overwritten without --force.
    void require_writable(const std::vector<std::string>& outputs) const;

  private:
    bool names_several() const { return device_spec.find(',') != std::string::npos; }

    std::vector<Device> devices_;
    std::future<Device> opening_;
    std::unique_ptr<Progress> progress_;
    std::stop_source stop_;  ///< of fingerprints that nobody will ask for
    std::map<std::string, std::future<std::string>> fingerprints_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A subcommand with the common options. `after` closes its help: an example that runs and the references.
/// The subcommand adds its own options to the returned App; `body` runs once they are parsed.
CLI::App& add_command(CLI::App& root, const std::string& name, const std::string& summary, const std::string& after,
                      std::function<void(Run&)> body);

/// The command line of this process, quoted so that a shell reads it back.
std::string command_line();
void set_command_line(int argc, char** argv);

}  // namespace arcuate::tools
