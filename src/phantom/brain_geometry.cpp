#include "brain_geometry.hpp"

#include "kernels/math.hpp"
#include "vec3d.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::phantom {

namespace {

constexpr double pi = 3.14159265358979323846;

constexpr double cortex_mm = 3;        // thickness; Fischl & Dale 2000 (PNAS 97:11050) measured 1 to 4.5, 2.5 on average
constexpr double fluid_mm = 1.5;       // around the brain
constexpr double half_fissure_mm = 0.8;
constexpr double sulcus_mm = 14;       // deepest fold below the hull
constexpr double fold_mm = 28;         // period of the folds
constexpr double smooth_mm = 15;       // from the middle plane, where the cortex has no folds
constexpr double superficial_mm = 5;   // below the cortex, where fibres run towards it

/// A wavy function with its gradient, 0 to 1: a gyroid, whose level sets wind through space as gyri do.
struct Fold {
    double value;
    Vec3d gradient;  ///< [1/mm]
};
Fold fold(const Vec3d& p) {
    constexpr double wave = 2 * pi / fold_mm;
    const auto x = kernels::sincos(static_cast<float>(wave * p[0])), y = kernels::sincos(static_cast<float>(wave * p[1])),
               z = kernels::sincos(static_cast<float>(wave * p[2]));
    const double sx = x.sin, cx = x.cos, sy = y.sin, cy = y.cos, sz = z.sin, cz = z.cos;
    constexpr double slope = wave / 3;
    return {(1.5 + sx * cy + sy * cz + sz * cx) / 3,
            {slope * (cx * cy - sz * sx), slope * (cy * cz - sx * sy), slope * (cz * cx - sy * sz)}};
}

/// Depth below the surface of the two hemispheres as they would be without folds.
Ellipsoid::Depth smooth_depth(const BrainAnatomy& brain, const Vec3d& p) {
    const auto hull = brain.hull.depth(p);
    // Distance from the fissure, a half plane with an elliptic edge.
    const auto edge = brain.fissure_end.depth({brain.fissure_end.centre[0], p[1], p[2]});
    const Vec3d away = edge.mm > 0 ? add({p[0], 0, 0}, -edge.mm, edge.outward) : Vec3d{p[0], 0, 0};
    const double distance = std::max(length(away), 1e-9);
    if (hull.mm <= distance - half_fissure_mm) return hull;
    return {distance - half_fissure_mm, add({0, 0, 0}, -1 / distance, away)};
}

/// Depth below the folded surface.
Ellipsoid::Depth folded_depth(const BrainAnatomy& brain, const Vec3d& p) {
    const auto smooth = smooth_depth(brain, p);
    const auto folds = fold(p);
    const double square = p[0] * p[0] + smooth_mm * smooth_mm, share = p[0] * p[0] / square;
    const double d_share = 2 * p[0] * smooth_mm * smooth_mm / (square * square);
    Vec3d outward = add(smooth.outward, sulcus_mm * share, folds.gradient);
    outward[0] += sulcus_mm * folds.value * d_share;
    const double slope = std::max(length(outward), 0.1);
    return {(smooth.mm - sulcus_mm * share * folds.value) / slope, add({0, 0, 0}, 1 / slope, outward)};
}

Tube shape(std::string name, std::variant<StraightTube, ArcTube, ConicTube> of) {
    Tube tube;
    tube.name = std::move(name);
    tube.shape = of;
    return tube;
}

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
    const auto folded = folded_depth(*this, p);
    out.below_grey = folded.mm - cortex_mm;
    out.outward = folded.outward;
    if (below && in_stem.across <= 1) {
        out.tissue = Tissue::white;
        out.below_grey = superficial_mm;  // its surface is no cortex
        return out;
    }
    out.tissue = folded.mm < 0 ? Tissue::fluid : folded.mm < cortex_mm ? Tissue::cortex : Tissue::white;
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
    if (superficial) out.directions[static_cast<std::size_t>(out.n++)] = unit(tissue.outward);
    if (tissue.tissue == Tissue::cortex) return out;
    for (const auto& tube : tubes) {
        if (out.n == max_populations) break;
        const auto position = tube.locate(p);
        if (tube.holds(position)) out.directions[static_cast<std::size_t>(out.n++)] = position.direction;
    }
    if (out.n == 0) out.directions[static_cast<std::size_t>(out.n++)] = unit(tissue.outward);
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
        projection.push_back(shape("corticospinal" + name, ConicTube{{5 * side, -12, -64}, up, cross(y, up), y, 10, 150, 4.5, 7, 1.0 / (23 * 23), 1.0 / (17 * 17)}));
        // From the frontal to the occipital pole.
        association.push_back(shape("longitudinal" + name, ConicTube{{36 * side, 0, 0}, y, z, x, 80, 160, 45, 22, -1.0 / (86 * 86), -1.0 / (95 * 95)}));
        // From the frontal over to the temporal lobe, open to the front and below.
        arches.push_back(shape("arch" + name, arc({46 * side, -6, -6}, {0, -0.6, 0.8}, {0, 0.8, 0.6}, 27, 0.6 * pi, 8)));
    }
    for (auto* bundles : {&arches, &callosal, &projection, &association}) brain.tubes.insert(brain.tubes.end(), bundles->begin(), bundles->end());
    return brain;
}

}  // namespace arcuate::phantom
