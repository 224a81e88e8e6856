// Whether a gradient table has the right axes: fibres that are seen with the right ones continue from voxel to voxel.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/dwi/tensor.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace arcuate::dwi {

/// Another reading of the gradient directions: relative to the image axes, in FSL's convention (x reversed where the determinant of the affine is positive),
/// as they stand in a .bvec file. Row i becomes sign[i] times the row axes[i] that was given.
struct GradientOrientation {
    std::array<int, 3> axes{0, 1, 2};
    std::array<int, 3> sign{1, 1, 1};  ///< at most one is -1: directions are axes, so reversing all three changes nothing

    bool as_given() const { return axes == std::array{0, 1, 2} && sign == std::array{1, 1, 1}; }
    /// "x y z", "y -x z": the new rows, from the given ones.
    std::string text() const;
    friend bool operator==(const GradientOrientation&, const GradientOrientation&) = default;
};

/// One of the 24 and how well fibres hang together under it.
struct OrientationScore {
    GradientOrientation orientation;
    std::int64_t links = 0;  ///< pairs of neighbouring voxels that point at each other
    double index = 0;        ///< links per voxel looked at
};

struct GradientCheckOptions {
    double fa = 0.3;  ///< voxels of at least this FA (and at most 1) are looked at; one fibre population each, mostly
};

struct GradientCheck {
    std::vector<OrientationScore> scores;  ///< (24) best first; as given before others where equal
    std::int64_t voxels = 0;               ///< looked at
    double given = 0;                      ///< index of the table as given

    const OrientationScore& best() const { return scores.front(); }
    bool given_is_best() const { return best().orientation.as_given(); }
    /// Whether another orientation fits so much better that the table is very likely wrong: at least 2000 voxels, an index at least 1.05 times that of the
    /// table as given, and a difference of links that chance does not make.
    bool likely_wrong() const;
};

/// Fibre coherence (Schilling et al. 2019, Magn Reson Imaging 58:82) of all axis permutations and flips. A link is a pair of voxels among 26 neighbours, both
/// looked at, whose main directions lie within 30 degrees of each other and both within 30 degrees of the line from one to the other. Least squares commutes with a rotation of the table, so the
/// tensors of every candidate are those given, turned: nothing is fitted again. Counts are whole numbers, so the result is the same everywhere.
/// Throws InputError where no voxel can be looked at.
GradientCheck check_gradients(const TensorMaps& maps, const GradientCheckOptions& options = {});

/// The sentence of a warning where the table that gave these tensors is likely wrong; nothing else, also where no voxel can be looked at. `dwi` names the image.
std::optional<std::string> orientation_warning(const TensorMaps& maps, const std::string& dwi);

/// The table read with another orientation, for an image on `grid`.
GradientTable reoriented(const GradientTable& table, const GradientOrientation& orientation, const Grid& grid);

/// All 24, as given first.
std::vector<GradientOrientation> gradient_orientations();

}  // namespace arcuate::dwi
