#include "brain_geometry.hpp"

#include "kernels/math.hpp"
#include "vec3d.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::phantom {

namespace {

constexpr double pi = 3.14159265358979323846;

// Thickness of the cortex, to first order: 3 mm at the hull and the fissure, 2.5 at the walls of sulci. Fischl & Dale 2000 (PNAS 97:11050) measured
// 2.5 on average.
constexpr double cortex_mm = 3;
constexpr double fluid_mm = 1.5;       // around the brain
constexpr double half_gap_mm = 0.7;    // of fluid in the fissure and in the sulci
constexpr double sulcus_mm = 14;       // from the hull to a sulcus' bottom
constexpr double fold_mm = 32;         // period of the sulci
constexpr double superficial_mm = 4;   // below the cortex, where fibres turn towards it

using Depth = Ellipsoid::Depth;

/// Below the surface of a gap: a sheet of fluid that ends at an edge. `off` leads from the sheet's nearest point as if it went on for ever, `beyond` from
/// the edge to the point, or is zero where the sheet has not ended yet.
Depth below_gap(const Vec3d& off, const Vec3d& beyond) {
    const Vec3d away = add(off, 1, beyond);
    const double distance = std::max(std::sqrt(dot(off, off) + dot(beyond, beyond)), 1e-9);
    return {distance - half_gap_mm, add({0, 0, 0}, -1 / std::max(length(away), 1e-9), away)};
}

/// The fissure between the hemispheres: the middle plane, but for an ellipse.
Depth below_fissure(const BrainAnatomy& brain, const Vec3d& p) {
    const auto edge = brain.fissure_end.depth({brain.fissure_end.centre[0], p[1], p[2]});
    return below_gap({p[0], 0, 0}, add({0, 0, 0}, -std::max(edge.mm, 0.0), edge.outward));
}

/// The sulci: where a gyroid, which winds through space as they do, comes near the hull.
Depth below_sulcus(const Depth& hull, const Vec3d& p) {
    constexpr double wave = 2 * pi / fold_mm;
    const auto x = kernels::sincos(static_cast<float>(wave * p[0])), y = kernels::sincos(static_cast<float>(wave * p[1])),
               z = kernels::sincos(static_cast<float>(wave * p[2]));
    const double sx = x.sin, cx = x.cos, sy = y.sin, cy = y.cos, sz = z.sin, cz = z.cos;
    const double value = sx * cy + sy * cz + sz * cx;
    const Vec3d gradient{wave * (cx * cy - sz * sx), wave * (cy * cz - sx * sy), wave * (cz * cx - sy * sz)};
    const double square = std::max(dot(gradient, gradient), 0.01 * wave * wave);  // the gradient vanishes in the middle between sheets
    return below_gap(add({0, 0, 0}, value / square, gradient), add({0, 0, 0}, -std::max(hull.mm - sulcus_mm, 0.0), hull.outward));
}

/// Below the surface of the brain, whichever is nearest.
Depth below_surface(const BrainAnatomy& brain, const Depth& hull, const Vec3d& p) {
    Depth nearest = hull;
    for (const auto& gap : {below_fissure(brain, p), below_sulcus(hull, p)})
        if (gap.mm < nearest.mm) nearest = gap;
    return nearest;
}

Tube shape(std::string name, std::variant<StraightTube, ArcTube, ConicTube> of) {
    Tube tube;
    tube.name = std::move(name);
    tube.shape = of;
    return tube;
}

/// Where outwards cancels out, as between two sheets, up.
Vec3d unit_or_up(const Vec3d& a) { return dot(a, a) > 1e-6 ? unit(a) : Vec3d{0, 0, 1}; }

}  // namespace

Ellipsoid::Depth Ellipsoid::depth(const Vec3d& point) const {
    double square = 0;
    Vec3d gradient;  // of square / 2
    for (std::size_t a = 0; a < 3; ++a) {
        const double x = (point[a] - centre[a]) / semi[a];
        square += x * x;
        gradient[a] = x / semi[a];
    }
    const double slope = std::max(length(gradient), 1e-9), radius = std::sqrt(square);
    return {(1 - radius) * radius / slope, add({0, 0, 0}, 1 / slope, gradient)};
}

TissuePoint BrainAnatomy::at(const Vec3d& p) const {
    TissuePoint out;
    const auto in_stem = stem.locate(p);
    const bool below = in_stem.along >= 0;
    const auto hull_depth = hull.depth(p);
    const bool around_stem = below && in_stem.across <= 1 + fluid_mm / stem.start1;
    if (hull_depth.mm < -fluid_mm && !around_stem) return out;
    const auto surface = below_surface(*this, hull_depth, p);
    out.below_grey = surface.mm - cortex_mm;
    out.outward = surface.outward;
    // Below the cortex fibres go outwards and turn to the nearest cortex at once, so that they rise into a gyrus and reach its walls.
    if (out.below_grey >= 0) out.outward = add(out.outward, 1, hull_depth.outward);
    if (below && in_stem.across <= 1) {
        out.tissue = Tissue::white;
        out.below_grey = superficial_mm;  // its surface is no cortex
        return out;
    }
    out.tissue = surface.mm < 0 ? Tissue::fluid : surface.mm < cortex_mm ? Tissue::cortex : Tissue::white;
    if (out.tissue != Tissue::white) return out;
    for (std::size_t n = 0; n < nuclei.size(); ++n)
        if (nuclei[n].shape.holds(p)) {
            out.tissue = Tissue::deep_grey;
            out.nucleus = static_cast<int>(n);
        }
    for (const auto& ventricle : ventricles)
        if (ventricle.holds(p)) out.tissue = Tissue::fluid;
    return out;
}

BrainAnatomy::Populations BrainAnatomy::fibres(const TissuePoint& tissue, const Vec3d& p) const {
    Populations out;
    if (tissue.tissue == Tissue::outside || tissue.tissue == Tissue::fluid) return out;
    const bool superficial = tissue.below_grey < superficial_mm;
    if (superficial) out.directions[static_cast<std::size_t>(out.n++)] = unit_or_up(tissue.outward);
    if (tissue.tissue == Tissue::cortex) return out;
    for (const auto& tube : tubes) {
        if (out.n == max_populations) break;
        const auto position = tube.locate(p);
        if (tube.holds(position)) out.directions[static_cast<std::size_t>(out.n++)] = position.direction;
    }
    if (out.n == 0) out.directions[static_cast<std::size_t>(out.n++)] = unit_or_up(tissue.outward);
    return out;
}

BrainAnatomy brain_anatomy() {
    const Vec3d x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1};
    BrainAnatomy brain;
    brain.hull = {{0, 0, 0}, {70, 85, 60}};
    brain.fissure_end = {{0, -5, -30}, {1, 45, 52}};
    brain.stem = {{0, -12, -30}, {0, 0, -1}, x, y, 40, 13, 13, 13, 13};

    std::vector<Tube> callosal, projection, association, arches;
    const ConicTube callosum{{0, -5, 14}, x, y, z, 65, 130, 38, 9, 1.0 / (45 * 45), 1.0 / (11 * 11)};
    callosal.push_back(shape("callosum", callosum));
    for (const double side : {-1.0, 1.0}) {
        const std::string name = side < 0 ? "_left" : "_right";
        brain.ventricles.push_back({{9 * side, -5, 4}, {5, 26, 6}});
        brain.nuclei.push_back({"thalamus" + name, {{12 * side, -15, -10}, {8, 14, 7}}});
        brain.nuclei.push_back({"putamen" + name, {{30 * side, 5, -5}, {6, 15, 9}}});
        // From the stem through between the nuclei to the crown.
        const Vec3d up = unit({28 * side, 0, 122});
        projection.push_back(
            shape("corticospinal" + name, ConicTube{{5 * side, -12, -64}, up, cross(y, up), y, 10, 150, 4.5, 7, 1.0 / (23 * 23), 1.0 / (17 * 17)}));
        // From the frontal to the occipital pole.
        association.push_back(shape("longitudinal" + name, ConicTube{{36 * side, 0, 0}, y, z, x, 80, 160, 45, 22, -1.0 / (86 * 86), -1.0 / (95 * 95)}));
        // From the frontal over to the temporal lobe, open to the front and below.
        arches.push_back(shape("arch" + name, arc({46 * side, -6, -6}, {0, -0.6, 0.8}, {0, 0.8, 0.6}, 27, 0.6 * pi, 8)));
    }
    for (auto* bundles : {&arches, &callosal, &projection, &association}) brain.tubes.insert(brain.tubes.end(), bundles->begin(), bundles->end());
    return brain;
}

}  // namespace arcuate::phantom
