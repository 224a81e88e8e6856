// Sessions compared on one grid of the half-way space: the step that brings them together, and how well they agree.
#pragma once

#include "arcuate/registration/rigid.hpp"
#include "backend/launch.hpp"
#include "backend/buffer.hpp"
#include "kernels/rigid_equations.hpp"
#include "registration/pose.hpp"

#include <array>
#include <span>
#include <vector>

namespace arcuate::registration {

/// A session as it is sampled: its spline on the device.
struct SplineImage {
    Grid grid;
    Buffer<float> coefficients;
    Buffer<std::uint8_t> mask;  ///< empty: everywhere
};

/// What is estimated: where each session goes, and by what its intensities are multiplied.
struct Placement {
    std::vector<Pose> to_common;
    std::vector<double> gain;
};

/// Sums of the normal equations (kernels/rigid_equations.hpp).
using Sums = std::array<double, kernels::RigidEquations::terms>;

/// A session's step: shift [mm], turn [rad] around the centre, change of the gain's logarithm.
using Step = std::array<double, kernels::RigidEquations::unknowns>;

/// The equations of a cube of about 30 mm, and which part of the jackknife it belongs to.
struct Cube {
    Sums sums{};
    std::size_t part = 0;
};

class HalfWay {
  public:
    /// `images` must stay. `spacing_mm` is that of the grid, which is laid around the sessions as `placement` has them.
    HalfWay(std::span<const SplineImage> images, const Placement& placement, const Vec3d& centre, double spacing_mm, const Device& device);

    /// Samples all sessions at the placement. False where fewer than 100 points have a value of every session.
    bool sample(const Placement& placement);

    /// Weighs the residuals and forms the equations of what was sampled; false where they have no solution.
    bool solve(std::vector<Step>& steps);

    /// Correlation of a session with the mean of the others, pooled within bricks.
    double fit(std::size_t session) const;
    /// Share of points that weigh less than a half.
    double downweighted(std::size_t session) const;
    /// Jackknife standard errors of a session's step: shift [mm], turn [degrees].
    std::array<double, 2> errors(std::size_t session) const;
    /// The median over cubes of about 30 mm, weighted with the squared gradients in them, of the shift [mm] that would still help the cube alone.
    double residual_shift(std::size_t session) const;

    ScalarImage mean() const;

  private:
    std::size_t points() const { return static_cast<std::size_t>(grid_.points()); }
    const double* brick(std::size_t session, std::int64_t b) const;
    double cut(std::size_t session) const;
    std::vector<Cube> cubes(std::size_t session) const;

    std::span<const SplineImage> images_;
    const Device& device_;
    Vec3d centre_;
    kernels::RigidGrid grid_{};
    Buffer<float> device_values_, device_mean_;
    Buffer<kernels::Vec3> device_gradient_;
    Buffer<double> device_sums_;
    std::vector<float> values_, mean_;
    std::vector<kernels::Vec3> gradient_;
    std::vector<double> inverse_cut_, sums_;
    std::int64_t bricks_ = 0;
};

}  // namespace arcuate::registration
