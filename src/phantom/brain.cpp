#include "arcuate/phantom/brain.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/directions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "brain_geometry.hpp"
#include "kernels/sh_basis.hpp"
#include "placement.hpp"
#include "vec3d.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::phantom {

namespace {

/// Each voxel is cut into this many pieces along each axis to find the tissues' shares.
constexpr int pieces = 3;
constexpr int pieces_per_voxel = pieces * pieces * pieces;

/// A population's lobe, as factors of Y_l0 relative to a delta function's: the square of the delta function's series of lmax 4,
/// (1 - 14 c^2 + 21 c^4)^2 in the angle's cosine. Nowhere negative, 35 degrees wide at half of its height.
constexpr double lobe[brain_lmax / 2 + 1] = {1, 8.0 / 11, 214.0 / 429, 42.0 / 143, 294.0 / 2431};

constexpr int coefficients = sh_count(brain_lmax);

void add_lobe(const Vec3d& direction, double integral, double* fod) {
    double basis[coefficients];
    kernels::sh_basis<brain_lmax, double>(direction[0], direction[1], direction[2], basis);
    for (int l = 0; l <= brain_lmax; l += 2)
        for (int m = -l; m <= l; ++m) fod[sh_index(l, m)] += integral * lobe[l / 2] * basis[sh_index(l, m)];
}

/// Number of the tissue's volume in a five-tissue-type image, or -1.
int volume_of(Tissue tissue) {
    switch (tissue) {
        case Tissue::cortex: return 0;
        case Tissue::deep_grey: return 1;
        case Tissue::white: return 2;
        case Tissue::fluid: return 3;
        case Tissue::outside: break;
    }
    return -1;
}

/// The cortex is cut into the neighbourhoods of directions from the middle of the brain, spread evenly over each hemisphere.
class Nodes {
  public:
    explicit Nodes(const BrainAnatomy& brain) : brain_(brain), spread_(repelled_directions(cortical_nodes_per_side)) {}

    std::int32_t cortical(const Vec3d& p) const {
        const auto& semi = brain_.hull.semi;
        const bool right = p[0] > 0;
        const Vec3d from_middle{p[1] / semi[1], p[2] / semi[2], (right ? p[0] : -p[0]) / semi[0]};
        std::size_t nearest = 0;
        for (std::size_t n = 1; n < spread_.size(); ++n)
            if (dot(spread_[n], from_middle) > dot(spread_[nearest], from_middle)) nearest = n;
        return static_cast<std::int32_t>(nearest) + 1 + (right ? cortical_nodes_per_side : 0);
    }
    std::int32_t deep(int nucleus) const { return 2 * cortical_nodes_per_side + 1 + nucleus; }

    std::string name(std::int32_t label) const {
        if (label > 2 * cortical_nodes_per_side) return brain_.nuclei[static_cast<std::size_t>(label - 2 * cortical_nodes_per_side - 1)].name;
        const bool right = label > cortical_nodes_per_side;
        return fmt::format("cortex_{}_{:02}", right ? "right" : "left", right ? label - cortical_nodes_per_side : label);
    }

  private:
    const BrainAnatomy& brain_;
    std::vector<Vec3d> spread_;  ///< (y, z, |x|)
};

}  // namespace

Brain make_brain(const BrainOptions& options, const Device& device) {
    if (!(options.voxel_size >= 0.7 && options.voxel_size <= 5))
        throw InputError(fmt::format("a voxel size of {} mm (0.7 to 5 mm show a cortex of 3 mm and fit in memory); choose another", options.voxel_size));
    const BrainAnatomy anatomy = brain_anatomy();
    const Nodes nodes(anatomy);
    const Placement at = place(brain_box_mm, options.voxel_size);
    const Affine world = box_to_world();

    Brain out;
    out.fod = ScalarImage(at.grid, coefficients);
    out.tissues = ScalarImage(at.grid, 5);
    out.mask = out.white = out.border = Mask(at.grid, 1);
    LabelImage labels(at.grid, 1);
    parallel_for(device, at.grid.voxels(), [&](std::int64_t voxel) {
        const auto [i, j, k] = voxel_index(at.grid, voxel);
        std::array<int, 4> counts{};
        std::array<double, coefficients> fod{};
        int nucleus = -1;
        for (int piece = 0; piece < pieces_per_voxel; ++piece) {
            const auto middle = [](std::int64_t index, int part) { return static_cast<double>(index) + piece_offset(part, pieces); };
            const Vec3d p = at.box_point(middle(i, piece % pieces), middle(j, piece / pieces % pieces), middle(k, piece / (pieces * pieces)));
            const auto here = anatomy.at(p);
            const int tissue = volume_of(here.tissue);
            if (tissue < 0) continue;
            ++counts[static_cast<std::size_t>(tissue)];
            if (here.nucleus >= 0) nucleus = here.nucleus;
            const auto fibres = anatomy.fibres(here, p);
            const double integral = (here.tissue == Tissue::white ? 1 : grey_fod) / pieces_per_voxel;
            for (int n = 0; n < fibres.n; ++n) add_lobe(transform_direction(world, fibres.directions[static_cast<std::size_t>(n)]), integral / fibres.n, fod.data());
        }
        auto& [cortex, deep, white, fluid] = counts;
        const int inside = cortex + deep + white + fluid;
        if (2 * inside < pieces_per_voxel) return;
        fluid += pieces_per_voxel - inside;  // at the brain's surface: shares must add up to 1 or be none
        out.mask.at(voxel) = 1;
        for (std::size_t c = 0; c < fod.size(); ++c) out.fod.at(voxel, static_cast<std::int64_t>(c)) = static_cast<float>(fod[c]);
        for (std::size_t t = 0; t < counts.size(); ++t)
            out.tissues.at(voxel, static_cast<std::int64_t>(t)) = static_cast<float>(counts[t]) / static_cast<float>(pieces_per_voxel);
        out.white.at(voxel) = 2 * white >= pieces_per_voxel;
        out.border.at(voxel) = white > 0 && cortex + deep > 0;
        const Vec3d centre = at.box_point(static_cast<double>(i), static_cast<double>(j), static_cast<double>(k));
        if (2 * deep >= pieces_per_voxel) labels.at(voxel) = nodes.deep(nucleus);
        else if (2 * cortex >= pieces_per_voxel) labels.at(voxel) = nodes.cortical(centre);
    });
    out.parcellation = make_parcellation(std::move(labels), "the brain's parcellation");
    for (auto& node : out.parcellation.nodes) node.name = nodes.name(node.label);
    return out;
}

}  // namespace arcuate::phantom
