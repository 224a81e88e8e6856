#include "command.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/threads.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace arcuate::tools {

namespace {

/// Progress on standard error.
class Bar : public Progress {
  public:
    explicit Bar(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}
    ~Bar() override { Bar::end(); }

    void begin(std::string_view what, std::int64_t total, std::string_view unit) override {
        end();
        what_ = what;
        unit_ = unit;
        total_ = total;
        done_ = 0;
        active_ = true;
        shown_any_ = false;
        start_ = last_ = Clock::now();
    }
    void at(std::int64_t done) override {
        done_ = done;
        if (!active_ || quiet_) return;
        const auto now = Clock::now();
        if (now - last_ < (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000))) return;
        last_ = now;
        draw();
    }
    void end() override {
        if (!active_) return;
        active_ = false;
        if (quiet_) return;
        // On a terminal every stage leaves one line; in a log only the stages that took long enough to be shown before.
        if (terminal_ || shown_any_) draw();
        if (terminal_ && shown_any_) std::fputc('\n', stderr);
    }

  private:
    using Clock = std::chrono::steady_clock;
    void draw() {
        shown_any_ = true;
        const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
        const double rate = seconds > 0 ? static_cast<double>(done_) / seconds : 0;
        std::string text = what_;
        if (total_ > 0) {
            const double part = static_cast<double>(done_) / static_cast<double>(total_);
            if (terminal_) {
                const int filled = static_cast<int>(24 * std::min(1.0, part));
                text += fmt::format(" [{}{}]", std::string(static_cast<std::size_t>(filled), '='), std::string(static_cast<std::size_t>(24 - filled), ' '));
            }
            text += fmt::format(" {:.0f}%  {} / {} {}", 100 * part, done_, total_, unit_);
            if (rate > 0 && done_ < total_) text += fmt::format(", {:.0f} s left", static_cast<double>(total_ - done_) / rate);
        } else {
            text += fmt::format("  {} {}", done_, unit_);
        }
        text += fmt::format(", {:.0f} {}/s", rate, unit_);
        if (terminal_)
            fmt::print(stderr, "\r\x1b[K{}", text);
        else
            fmt::print(stderr, "{}\n", text);
        std::fflush(stderr);
    }
    bool quiet_, terminal_, active_ = false, shown_any_ = false;
    std::string what_, unit_;
    std::int64_t total_ = 0, done_ = 0;
    Clock::time_point start_, last_;
};

std::string the_command_line;

}  // namespace

const Device& Run::device() {
    if (devices_.empty() && names_several()) throw InputError(fmt::format("--device {} names several devices and arcuate {} computes on one; give one of them", device_spec, command));
    return devices().front();
}

const std::vector<Device>& Run::devices() {
    if (devices_.empty()) {
        if (opening_.valid()) devices_.push_back(opening_.get());
        else devices_ = Device::open_all(device_spec, threads, device_memory);
        for (const auto& d : devices_) say_verbose(fmt::format("running on {}", d.name()));
    }
    return devices_;
}

Progress& Run::progress() {
    if (!progress_) progress_ = std::make_unique<Bar>(quiet);
    return *progress_;
}

void Run::say(const std::string& text) const {
    if (!quiet) fmt::print(stderr, "{}\n", text);
}
void Run::say_verbose(const std::string& text) const {
    if (verbose && !quiet) fmt::print(stderr, "{}\n", text);
}
void Run::warn(const std::string& text) const { fmt::print(stderr, "warning: {}\n", text); }

void Run::reading(const std::string& path) {
    if (io::threads() == 1) return;
    if (!names_several() && devices_.empty() && !opening_.valid())
        opening_ = std::async(std::launch::async, [spec = device_spec, n = threads, memory = device_memory] { return Device::open(spec, n, memory); });
    fingerprints_.emplace(path, std::async(std::launch::async, [path, stop = stop_.get_token()] { return sha256_of_file(path, stop); }));
}

Provenance Run::provenance(std::vector<std::pair<std::string, std::string>> parameters,
                           const std::vector<std::pair<std::string, std::string>>& inputs) {
    Provenance p;
    p.command = command;
    p.parameters = std::move(parameters);
    for (const auto& [role, path] : inputs) {
        const auto begun = fingerprints_.find(path);
        const bool asked = begun != fingerprints_.end() && begun->second.valid();
        p.inputs.push_back({role, path, asked ? begun->second.get() : sha256_of_file(path)});
    }
    p.command_line = command_line();
    device();
    for (const auto& d : devices_) p.device += (p.device.empty() ? "" : ", ") + d.name();
    p.threads = device().threads();
    p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return p;
}

void Run::require_writable(const std::vector<std::string>& outputs) const {
    for (const auto& path : outputs) io::require_writable(path, force);
}

CLI::App& add_command(CLI::App& root, const std::string& name, const std::string& summary, const std::string& after,
                      std::function<void(Run&)> body) {
    auto run = std::make_shared<Run>();
    run->command = root.get_parent() ? root.get_name() + " " + name : name;
    CLI::App& app = *root.add_subcommand(name, summary);
    app.footer(after);
    const std::string group = "Common options";
    app.add_option("--device", run->device_spec, "where to compute: auto, cpu, cuda or cuda:N; of track, connectome --from-fod and run also several, as cuda:0,1; the result is the same bytes")->capture_default_str()->group(group);
    app.add_option("--threads", run->threads, "CPU threads; 0: as many as there are")->capture_default_str()->group(group);
    app.add_option("--device-memory", run->device_memory, "bytes (K, M, G) that may be taken on the device, of which more is planned with less; does not change a byte  [all]")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("SIZE")
        ->group(group);
    app.add_flag("--force", run->force, "overwrite existing outputs")->group(group);
    auto* quiet = app.add_flag("--quiet", run->quiet, "say nothing but errors and warnings")->group(group);
    app.add_flag("--verbose", run->verbose, "say more")->excludes(quiet)->group(group);
    app.callback([run, body = std::move(body)] {
        io::set_threads(run->threads);
        body(*run);
    });
    return app;
}

std::string command_line() { return the_command_line; }

void set_command_line(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) {
        std::string word = argv[i];
        if (i == 0) word = word.substr(word.find_last_of('/') + 1);
        if (word.empty() || word.find_first_of(" \t\n'\"$&|;<>()*?[]\\`") != std::string::npos) {
            std::string quoted = "'";
            for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
            word = quoted + "'";
        }
        the_command_line += (i ? " " : "") + word;
    }
}

}  // namespace arcuate::tools
