// What the benchmarks of voxels and of streamlines compute on, made once: phantoms, so that nothing needs to be at hand.
#pragma once

#include "arcuate/phantom/brain.hpp"
#include "arcuate/phantom/phantom.hpp"

namespace arcuate::bench {

/// One thread of this processor.
inline const Device& processor() {
    static const Device device = Device::open("cpu", 1);
    return device;
}

/// The phantom brain in voxels of 4 mm: 34 000 voxels on 84 nodes.
inline const phantom::Brain& brain() {
    static const auto made = phantom::make_brain({.voxel_size = 4}, processor());
    return made;
}

/// Bundles in voxels of 3 mm, 60 directions at b = 2000, SNR 30.
inline const phantom::Phantom& one_shell() {
    static const auto made = phantom::make_phantom({.sessions = 1, .voxel_size = 3}, processor());
    return made;
}

/// Bundles and ventricles, three shells of 30 directions.
inline const phantom::Phantom& three_shells() {
    static const auto made = phantom::make_phantom({.sessions = 1, .voxel_size = 4, .directions = 30, .b_values = {700, 1200, 2800}, .ventricles = true}, processor());
    return made;
}

}  // namespace arcuate::bench
