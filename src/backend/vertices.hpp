// Vertices of streamlines where kernels read them.
#pragma once

#include "arcuate/core/tractogram.hpp"
#include "backend/buffer.hpp"

namespace arcuate {

/// Vertices [first, last) of streamlines on a device: where they are already, or uploaded.
class VerticesOnDevice {
  public:
    VerticesOnDevice(const Device& device, const TractogramView& of, std::uint64_t first, std::uint64_t last)
        : uploaded_(device, of.on_device ? std::span<const float>() : of.positions.subspan(3 * first, 3 * (last - first))), there_(of.on_device ? of.on_device + 3 * first : uploaded_.data()) {}

    const float* data() const { return there_; }  ///< (last - first, 3) [mm]

  private:
    Buffer<float> uploaded_;
    const float* there_;
};

}  // namespace arcuate
