#include "arcuate/phantom/phantom.hpp"

#include "arcuate/core/directions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "geometry.hpp"
#include "kernels/phantom_signal.hpp"
#include "placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arcuate::phantom {

namespace {

/// Each voxel is cut into this many pieces along each axis to find the bundles' shares.
constexpr int pieces = 4;
double offset(int piece) { return piece_offset(piece, pieces); }
/// How far a node reaches into its bundle [mm].
constexpr double node_depth = 6;
/// True fibres per bundle, and the distance of their vertices [mm].
constexpr int fibres_per_bundle = 200;
constexpr double fibre_step = 1;

void check(const PhantomOptions& o) {
    const auto refuse = [](const std::string& what, const std::string& why) { throw InputError(fmt::format("{} ({}); choose another", what, why)); };
    if (o.sessions < 1 || o.sessions > 4095) refuse(fmt::format("{} sessions", o.sessions), "1 to 4095 are possible");
    if (o.subject < 1 || o.subject > 4095) refuse(fmt::format("subject {}", o.subject), "1 to 4095 are possible");
    if (!(o.snr >= 0) || !std::isfinite(o.snr)) refuse(fmt::format("an SNR of {}", o.snr), "it is a positive number, or 0 for no noise");
    if (!(o.voxel_size >= 0.5 && o.voxel_size <= 4)) refuse(fmt::format("a voxel size of {} mm", o.voxel_size), "0.5 to 4 mm fit bundles 14 mm thick");
    if (o.directions < 6 || o.directions > 1000) refuse(fmt::format("{} gradient directions", o.directions), "a tensor needs at least 6; at most 1000");
    if (o.b_values.empty()) refuse("no shell", "one or more are possible");
    for (const double b : o.b_values)
        if (!(b > b_zero_threshold && b <= 20000)) refuse(fmt::format("a b-value of {} s/mm2", b), "above 10 and at most 20000");
    if (!(o.density_change > -1 && o.density_change <= 1)) refuse(fmt::format("a density change of {}", o.density_change), "it is relative, above -1 and at most 1");
    for (const auto& tube : anatomy())
        if (tube.name == changed_bundle && !(tube.fa + o.fa_change > 0 && tube.fa + o.fa_change < 0.95))
            refuse(fmt::format("an FA change of {}", o.fa_change), fmt::format("the arc's FA starts at {} and must stay between 0 and 0.95", tube.fa));
}

/// What a voxel holds, largest share first.
struct Share {
    double fraction = 0;
    Vec3d direction{0, 0, 0};  ///< sum over pieces, then unit; box frame
    double along = 0;          ///< sum over pieces, then mean [mm]
    int tube = -1;
};
using Shares = std::array<Share, max_bundles_per_voxel>;

/// Share of the voxel that lies in a ball; these meet no bundle.
double fluid_share(const std::vector<Ball>& balls, const Placement& at, std::int64_t i, std::int64_t j, std::int64_t k) {
    double share = 0;
    for (int c = 0; c < pieces; ++c)
        for (int b = 0; b < pieces; ++b)
            for (int a = 0; a < pieces; ++a)
                for (const auto& ball : balls) share += ball.holds(at.box_point(static_cast<double>(i) + offset(a), static_cast<double>(j) + offset(b), static_cast<double>(k) + offset(c)));
    return share / (pieces * pieces * pieces);
}

Shares shares_of(const std::vector<Tube>& tubes, const Placement& at, std::int64_t i, std::int64_t j, std::int64_t k) {
    std::vector<Share> sums(tubes.size());
    std::vector<std::pair<std::size_t, TubePosition>> inside;
    for (int c = 0; c < pieces; ++c)
        for (int b = 0; b < pieces; ++b)
            for (int a = 0; a < pieces; ++a) {
                const Vec3d p = at.box_point(static_cast<double>(i) + offset(a), static_cast<double>(j) + offset(b), static_cast<double>(k) + offset(c));
                inside.clear();
                for (std::size_t t = 0; t < tubes.size(); ++t) {
                    const auto position = tubes[t].locate(p);
                    if (tubes[t].holds(position)) inside.emplace_back(t, position);
                }
                // Bundles in the same place interdigitate: equal shares.
                for (const auto& [t, position] : inside) {
                    const double part = 1.0 / (pieces * pieces * pieces) / static_cast<double>(inside.size());
                    sums[t].fraction += part;
                    sums[t].along += part * position.along;
                    for (std::size_t axis = 0; axis < 3; ++axis) sums[t].direction[axis] += part * position.direction[axis];
                }
            }
    for (std::size_t t = 0; t < tubes.size(); ++t) sums[t].tube = static_cast<int>(t);
    std::stable_sort(sums.begin(), sums.end(), [](const Share& x, const Share& y) { return x.fraction > y.fraction; });
    Shares out;
    for (std::size_t n = 0; n < out.size() && sums[n].fraction > 0; ++n) {
        out[n] = sums[n];
        out[n].along /= out[n].fraction;
        Vec3d& d = out[n].direction;
        const double l = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        for (auto& component : d) component /= l;
    }
    return out;
}

GradientTable gradient_table(int directions, const std::vector<double>& b_values) {
    GradientTable table;
    const auto spread = repelled_directions(directions);
    for (const double b : b_values)
        for (int n = 0; n < directions; ++n) {
            if (n % 10 == 0) {
                table.directions.push_back({0, 0, 0});
                table.b_values.push_back(0);
            }
            table.directions.push_back(spread[static_cast<std::size_t>(n)]);
            table.b_values.push_back(b);
        }
    return table;
}

Tractogram fibres_of(const Tube& tube, const Affine& world) {
    Tractogram out;
    std::vector<float> line;
    const int steps = std::max(1, static_cast<int>(tube.length() / fibre_step + 0.5));
    for (int n = 0; n < fibres_per_bundle; ++n) {
        // A sunflower: points of equal share in the unit disc.
        const double r = std::sqrt((n + 0.5) / fibres_per_bundle);
        const auto turn = kernels::sincos(2.39996323f * static_cast<float>(n));
        line.clear();
        for (int s = 0; s <= steps; ++s)
            for (const double x : transform_point(world, tube.point(tube.length() * s / steps, r * turn.cos, r * turn.sin)))
                line.push_back(static_cast<float>(x));
        out.append(line);
    }
    return out;
}

std::vector<Bundle> bundles_of(const std::vector<Tube>& tubes, const PhantomOptions& options) {
    std::vector<Bundle> bundles;
    std::int32_t label = 0;
    for (const auto& tube : tubes) {
        Bundle b;
        b.name = tube.name;
        b.from = ++label;
        b.to = ++label;
        b.fa = tube.fa;
        b.fa_last = tube.fa + (tube.name == changed_bundle ? options.fa_change : 0);
        if (tube.name == changed_bundle) {
            b.density = options.density_change > 0 ? 1 / (1 + options.density_change) : 1;
            b.density_last = options.density_change < 0 ? 1 + options.density_change : 1;
        }
        b.length_mm = tube.length();
        b.fibres = fibres_of(tube, box_to_world());
        bundles.push_back(std::move(b));
    }
    return bundles;
}

/// Signal without weighting: falls towards the box's edges by up to a fifth, as with a head coil, so that S0 is no constant.
double s0_at(const Vec3d& p) {
    double square = 0;
    for (std::size_t a = 0; a < 3; ++a) square += p[a] / box_mm[a] * (p[a] / box_mm[a]);
    return s0_nominal * (1 - 0.25 * square);
}

}  // namespace

namespace {

double between(double first, double last, int session, int sessions) { return first + (sessions > 1 ? (last - first) * session / (sessions - 1) : 0); }

}  // namespace

double fibre_fa(const Bundle& bundle, int session, int sessions) { return between(bundle.fa, bundle.fa_last, session, sessions); }
double fibre_density(const Bundle& bundle, int session, int sessions) { return between(bundle.density, bundle.density_last, session, sessions); }

AxialTensor tensor_with(double fa, double md) {
    // Eigenvalues MD (1 + 2 d), MD (1 - d), MD (1 - d) have FA = 3 d / sqrt(3 + 6 d^2) (Basser & Pierpaoli 1996, J Magn Reson B 111:209); solved for d.
    const double d = fa / std::sqrt(3 - 2 * fa * fa);
    return {md * (1 + 2 * d), md * (1 - d)};
}

Phantom make_phantom(const PhantomOptions& options, const Device& device, Progress& progress) {
    check(options);
    const auto tubes = anatomy();
    const auto balls = options.ventricles ? ventricles() : std::vector<Ball>{};
    const Placement at = place(box_mm, options.voxel_size);
    const Affine world = box_to_world();
    const auto n_voxels = static_cast<std::size_t>(at.grid.voxels());
    const auto n_bundles = static_cast<std::int64_t>(tubes.size());

    Phantom out;
    out.gradients = gradient_table(options.directions, options.b_values);
    out.bundles = bundles_of(tubes, options);
    out.mask = Mask(at.grid, 1);
    out.fractions = ScalarImage(at.grid, n_bundles);
    out.fluid = ScalarImage(at.grid, 1);
    out.directions = ScalarImage(at.grid, 3 * max_bundles_per_voxel);
    LabelImage labels(at.grid, 1);
    std::vector<kernels::FibreCompartment> compartments(n_voxels * max_bundles_per_voxel);
    std::vector<float> s0(n_voxels);

    parallel_for(device, at.grid.voxels(), [&](std::int64_t voxel) {
        const auto [i, j, k] = voxel_index(at.grid, voxel);
        const Vec3d centre = at.box_point(static_cast<double>(i), static_cast<double>(j), static_cast<double>(k));
        s0[static_cast<std::size_t>(voxel)] = static_cast<float>(s0_at(centre));
        const Shares shares = shares_of(tubes, at, i, j, k);
        for (std::size_t n = 0; n < shares.size(); ++n) {
            const Share& s = shares[n];
            if (!(s.fraction > 0)) break;
            const Vec3d d = transform_direction(world, s.direction);
            const kernels::Vec3 direction{static_cast<float>(d[0]), static_cast<float>(d[1]), static_cast<float>(d[2])};
            compartments[static_cast<std::size_t>(voxel) * max_bundles_per_voxel + n] = {static_cast<float>(s.fraction), direction, s.tube};
            out.fractions.at(voxel, s.tube) = static_cast<float>(s.fraction);
            const auto first = 3 * static_cast<std::int64_t>(n);
            out.directions.at(voxel, first) = direction.x;
            out.directions.at(voxel, first + 1) = direction.y;
            out.directions.at(voxel, first + 2) = direction.z;
        }
        if (options.ventricles) out.mask.at(voxel) = 1;
        if (const double fluid = fluid_share(balls, at, i, j, k); fluid > 0) {
            for (std::size_t n = 0; n < shares.size(); ++n) {
                auto& free = compartments[static_cast<std::size_t>(voxel) * max_bundles_per_voxel + n];
                if (free.fraction > 0) continue;
                free = {static_cast<float>(fluid), {0, 0, 0}, static_cast<std::int32_t>(n_bundles)};
                break;
            }
            out.fluid.at(voxel) = static_cast<float>(fluid);
        }
        if (shares[0].fraction > 0) {
            out.mask.at(voxel) = 1;
            const Bundle& bundle = out.bundles[static_cast<std::size_t>(shares[0].tube)];
            if (shares[0].along < node_depth) labels.at(voxel) = bundle.from;
            if (shares[0].along > bundle.length_mm - node_depth) labels.at(voxel) = bundle.to;
        }
    });
    out.parcellation = make_parcellation(std::move(labels), "the phantom's parcellation");
    for (auto& node : out.parcellation.nodes) {
        const Tube& tube = tubes[static_cast<std::size_t>((node.label - 1) / 2)];
        node.name = node.label % 2 ? tube.from : tube.to;
    }

    std::vector<kernels::Gradient> gradients;
    for (std::size_t v = 0; v < out.gradients.b_values.size(); ++v) {
        const Vec3d& g = out.gradients.directions[v];
        gradients.push_back({{static_cast<float>(g[0]), static_cast<float>(g[1]), static_cast<float>(g[2])}, static_cast<float>(out.gradients.b_values[v])});
    }
    const Buffer device_compartments(device, compartments);
    const Buffer device_s0(device, s0);
    const Buffer device_gradients(device, gradients);
    Buffer<kernels::AxialDiffusivities> device_tensors(device, tubes.size() + 1);
    Buffer<float> device_dwi(device, n_voxels * gradients.size());

    progress.begin("simulating", options.sessions, "sessions");
    for (int session = 0; session < options.sessions; ++session) {
        std::vector<kernels::AxialDiffusivities> tensors;
        for (const auto& bundle : out.bundles) {
            const auto t = tensor_with(fibre_fa(bundle, session, options.sessions), mean_diffusivity);
            tensors.push_back({static_cast<float>(t.axial), static_cast<float>(t.radial), static_cast<float>(fibre_density(bundle, session, options.sessions))});
        }
        tensors.push_back({static_cast<float>(fluid_diffusivity), static_cast<float>(fluid_diffusivity), 1.0f});
        device_tensors.upload(tensors);
        launch(device, at.grid.voxels(),
               kernels::SimulateSignal{device_compartments.data(), max_bundles_per_voxel, device_s0.data(), device_gradients.data(),
                                       static_cast<int>(gradients.size()), device_tensors.data(), static_cast<float>(mean_diffusivity),
                                       options.snr > 0 ? static_cast<float>(s0_nominal / options.snr) : 0.0f, options.seed,
                                       static_cast<std::uint32_t>(options.subject * 4096 + session), device_dwi.data(), at.grid.voxels()});
        PhantomSession s;
        s.dwi = ScalarImage(at.grid, out.gradients.size());
        device_dwi.download(s.dwi.data);
        s.fa_truth = ScalarImage(at.grid, 1);
        for (std::size_t voxel = 0; voxel < n_voxels; ++voxel) {
            const auto& largest = compartments[voxel * max_bundles_per_voxel];
            if (largest.fraction >= 0.5f && largest.bundle < n_bundles)
                s.fa_truth.data[voxel] = static_cast<float>(fibre_fa(out.bundles[static_cast<std::size_t>(largest.bundle)], session, options.sessions));
        }
        out.sessions.push_back(std::move(s));
        progress.at(session + 1);
    }
    progress.end();
    return out;
}

}  // namespace arcuate::phantom
