// The phantoms' anatomy: tubes in a box, in a frame of their own (mm, origin in the middle of the box, x roughly to the right).
#pragma once

#include "arcuate/core/affine.hpp"

#include <string>
#include <variant>
#include <vector>

namespace arcuate::phantom {

/// Where a point lies relative to a tube.
struct TubePosition {
    double along = 0;    ///< from the tube's start [mm]; below 0 or above its length where it lies beyond an end
    double across = 0;   ///< 0 on the centre line, 1 on the surface
    Vec3d direction{};   ///< unit, of the fibre through the point
};

/// A straight tube of elliptic cross-section whose semi-axes may grow from start to end: its fibres keep their relative place and so fan.
struct StraightTube {
    Vec3d start, axis, e1, e2;       ///< e1, e2 unit, across
    double length = 0;               ///< [mm]
    double start1 = 0, start2 = 0;   ///< semi-axes along e1, e2 at the start [mm]
    double end1 = 0, end2 = 0;       ///< and at the end

    TubePosition locate(const Vec3d& point) const;
    /// The point at `along` whose place in the cross-section is (u, v) in the unit disc.
    Vec3d point(double along, double u, double v) const;
};

/// A tube of circular cross-section along an arc of a circle.
struct ArcTube {
    Vec3d centre, middle, tangent, normal;  ///< of the circle; unit vectors to the arc's middle, along the arc there, and out of its plane
    double radius = 0;                      ///< of the circle [mm]
    double half_angle = 0;                  ///< of the arc [radians], below pi
    double width = 0;                       ///< radius of the tube [mm]
    double length = 0;                      ///< of the centre line [mm]

    TubePosition locate(const Vec3d& point) const;
    Vec3d point(double along, double u, double v) const;
};

/// A tube along a straight axis whose semi-axes follow conics, a sqrt(1 + k s^2) at s from the waist: hyperbolas (k > 0) fan out from it, as the corpus
/// callosum and the corona radiata do; ellipses (k < 0) gather towards poles. Its fibres keep their relative place.
struct ConicTube {
    Vec3d waist, axis, e1, e2;  ///< e1, e2 unit, across
    double before = 0;          ///< from the tube's start to its waist [mm]
    double length = 0;          ///< [mm]
    double a1 = 0, a2 = 0;      ///< semi-axes along e1, e2 at the waist [mm]
    double k1 = 0, k2 = 0;      ///< [1/mm2]

    TubePosition locate(const Vec3d& point) const;
    Vec3d point(double along, double u, double v) const;
};

struct Tube {
    std::string name, from, to;  ///< of the bundle and of the nodes at its ends
    double fa = 0;               ///< of its fibres in the first session
    std::variant<StraightTube, ArcTube, ConicTube> shape;

    double length() const;
    TubePosition locate(const Vec3d& point) const;
    Vec3d point(double along, double u, double v) const;
    bool holds(const TubePosition& at) const { return at.across <= 1 && at.along >= 0 && at.along <= length(); }
};

/// Edges of the box [mm].
inline constexpr Vec3d box_mm{96, 108, 60};

/// A ball of fluid.
struct Ball {
    Vec3d centre{};     ///< [mm]
    double radius = 0;  ///< [mm]
    bool holds(const Vec3d& point) const;
};
/// Two ventricles, clear of every bundle.
std::vector<Ball> ventricles();

/// A circular tube from the middle of an arc of `half_angle` [radians] to either side; `middle` and `tangent` are unit and perpendicular.
ArcTube arc(const Vec3d& centre, const Vec3d& middle, const Vec3d& tangent, double radius, double half_angle, double width);

/// Every bundle of the phantom of bundles. Tubes touch only where they cross or kiss.
std::vector<Tube> anatomy();

}  // namespace arcuate::phantom
