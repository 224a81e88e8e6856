// Rigid motions as a unit quaternion and a shift, and their mean: rational functions and square roots alone, so that they are the same everywhere.
#pragma once

#include "arcuate/core/affine.hpp"

#include <vector>

namespace arcuate::registration {

struct Pose {
    double w = 1, x = 0, y = 0, z = 0;  ///< the turn
    Vec3d shift{};                      ///< p -> turn(p) + shift [mm]
};

Affine affine_of(const Pose& pose);
Pose composed(const Pose& then, const Pose& first);
Pose inverse(const Pose& pose);

/// Turns by about |w| radians (exactly 2 atan(|w| / 2)) around `centre` and shifts by d.
Pose small_motion(const Vec3d& d, const Vec3d& w, const Vec3d& centre);

/// Changes all poses by the one motion after which their mean turn is the identity (Markley et al. 2007, J Guid Control Dyn 30:1193) and the centres, each moved
/// by its own pose, have the mean `centre`.
void recentre(std::vector<Pose>& poses, const std::vector<Vec3d>& centres, const Vec3d& centre);

}  // namespace arcuate::registration
