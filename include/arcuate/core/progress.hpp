// How a long computation says how far it is. The library reports; whoever called decides what to show.
#pragma once

#include <cstdint>
#include <string_view>

namespace arcuate {

/// Receives reports from one thread: begin, then any number of at(), then end. The default listens to nothing.
class Progress {
  public:
    virtual ~Progress() = default;
    /// `total` in `unit` ("voxels", "streamlines"); 0 where it is not known beforehand.
    virtual void begin(std::string_view /*what*/, std::int64_t /*total*/, std::string_view /*unit*/) {}
    virtual void at(std::int64_t /*done*/) {}
    virtual void end() {}
};

/// A Progress that shows nothing.
Progress& silent();

}  // namespace arcuate
