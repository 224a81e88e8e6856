// What the subcommands of `arcuate tract` that write a tractogram have in common.
#pragma once

#include "arcuate/io/tractogram.hpp"
#include "command.hpp"

namespace arcuate::tools {


struct TractOutput {
    std::string in, out, reference;
    bool float16 = false, deflate = false;

    /// IN, OUT and the options of the formats.
    void add_to(CLI::App& app);
    /// A writer for OUT that keeps what `info` has and OUT's format can hold, and says what it cannot.
    std::unique_ptr<io::TractogramWriter> open(Run& run, const io::TractogramInfo& info) const;
    /// Completes the file and writes its sidecar.
    void close(Run& run, io::TractogramWriter& writer, const io::TractogramInfo& info, std::vector<std::pair<std::string, std::string>> parameters,
               std::vector<std::pair<std::string, std::string>> inputs = {}) const;
};

/// Passes streamlines on and shows how far it is.
class Counted : public StreamlineSink {
  public:
    Counted(StreamlineSink& to, Progress& progress) : to_(to), progress_(progress) {}
    void append(const TractogramView& streamlines) override {
        to_.append(streamlines);
        progress_.at(done_ += streamlines.size());
    }

  private:
    StreamlineSink& to_;
    Progress& progress_;
    std::int64_t done_ = 0;
};

}  // namespace arcuate::tools
