// The lookup of fixels on a device.
#pragma once

#include "arcuate/core/fixels.hpp"
#include "backend/buffer.hpp"
#include "kernels/streamline_fixels.hpp"

namespace arcuate::weights {

class LookupOnDevice {
  public:
    LookupOnDevice(const Fixels& fixels, const Device& device);
    kernels::FixelLookup lookup() const { return lookup_; }
    kernels::VoxelWalk walk() const { return walk_; }

  private:
    Buffer<std::uint32_t> first_;
    Buffer<std::int32_t> row_;
    Buffer<std::uint8_t> rows_;
    Buffer<float> directions_;
    Buffer<std::int16_t> neighbour_, start_;
    kernels::FixelLookup lookup_{};
    kernels::VoxelWalk walk_{};
};

}  // namespace arcuate::weights
