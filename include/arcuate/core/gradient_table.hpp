// The diffusion gradients of an acquisition, in the scanner's frame.
#pragma once

#include "arcuate/core/affine.hpp"

#include <cstdint>
#include <vector>

namespace arcuate {

/// b-values at or below this are b=0 [s/mm2] (MRtrix's BZeroThreshold).
inline constexpr double b_zero_threshold = 10.0;

/// Volumes whose b-values differ by less than this belong to one shell [s/mm2] (MRtrix's BValueEpsilon).
inline constexpr double shell_width = 80.0;

/// A gradient table: one direction and one b-value per volume.
struct GradientTable {
    std::vector<Vec3d> directions;  ///< (n, 3) unit vectors, scanner RAS+; zero for b=0
    std::vector<double> b_values;   ///< (n) [s/mm2]

    std::int64_t size() const { return static_cast<std::int64_t>(b_values.size()); }
};

/// Volumes acquired with (nearly) the same b-value.
struct Shell {
    double b_value = 0;                ///< mean over its volumes [s/mm2]
    std::vector<std::int64_t> volumes;  ///< ascending
};

/// Shells in ascending b; the first is b=0 where there are such volumes.
std::vector<Shell> find_shells(const GradientTable& table);

}  // namespace arcuate
