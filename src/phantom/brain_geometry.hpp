// The anatomy of the phantom brain, in the frame of its box (mm, x to the right, y to the front, z up, origin in the middle of the brain).
#pragma once

#include "geometry.hpp"

#include <array>

namespace arcuate::phantom {

struct Ellipsoid {
    Vec3d centre, semi;  ///< semi-axes along x, y, z [mm]

    struct Depth {
        double mm = 0;    ///< below the surface, to first order near it; negative outside
        Vec3d outward{};  ///< unit
    };
    Depth depth(const Vec3d& point) const;
    bool holds(const Vec3d& point) const { return depth(point).mm >= 0; }
};

struct Nucleus {
    std::string name;
    Ellipsoid shape;
};

enum class Tissue { outside, cortex, deep_grey, white, fluid };

struct TissuePoint {
    Tissue tissue = Tissue::outside;
    int nucleus = -1;        ///< which, in deep grey
    double below_grey = 0;   ///< depth below the cortex [mm]
    Vec3d outward{};         ///< across the cortex, and where fibres leave white matter; of any length
};

struct BrainAnatomy {
    Ellipsoid hull;                     ///< around both hemispheres
    Ellipsoid fissure_end;              ///< the fissure between the hemispheres is the part of the plane x = 0 outside of it; its x is not used
    std::vector<Ellipsoid> ventricles;
    std::vector<Nucleus> nuclei;
    StraightTube stem;                  ///< white matter that leaves the image below
    std::vector<Tube> tubes;            ///< of white matter; where more than `max_populations` meet the first ones are

    static constexpr int max_populations = 3;
    struct Populations {
        int n = 0;
        std::array<Vec3d, max_populations> directions{};
    };

    TissuePoint at(const Vec3d& point) const;
    Populations fibres(const TissuePoint& tissue, const Vec3d& point) const;
};

/// Edges of the brain's box [mm].
inline constexpr Vec3d brain_box_mm{148, 180, 128};

BrainAnatomy brain_anatomy();

}  // namespace arcuate::phantom
