#include "tracking/scene.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/tissues.hpp"
#include "backend/launch.hpp"
#include "tracking/field.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate::tracking {

namespace {

std::int64_t voxels_above_zero(const ScalarImage& image) {
    return std::count_if(image.data.begin(), image.data.begin() + image.grid.voxels(), [](float v) { return v > 0.0f; });
}

std::int64_t seeds_of(const Seeds& s) {
    if (s.kind == Seeds::Kind::points) return static_cast<std::int64_t>(s.points.size());
    const std::int64_t each = s.kind == Seeds::Kind::grid_per_voxel ? s.per_voxel * s.per_voxel * s.per_voxel : s.per_voxel;
    return voxels_above_zero(s.image) * each;
}

void add_voxel(std::int64_t v, const std::array<std::int64_t, 3>& size, std::vector<std::int32_t>& coordinates) {
    coordinates.push_back(static_cast<std::int32_t>(v % size[0]));
    coordinates.push_back(static_cast<std::int32_t>(v / size[0] % size[1]));
    coordinates.push_back(static_cast<std::int32_t>(v / (size[0] * size[1])));
}

double voxel_volume(const Grid& grid) { return std::fabs(determinant(grid.voxel_to_world)); }

/// Whether any of the voxels' centres, or any of the points, lies in the field's grid.
bool meets_field(const Seeds& s, const ScalarImage& field) {
    const Affine to_field = inverse(field.grid.voxel_to_world);
    const auto inside = [&](const Vec3d& world) {
        const Vec3d v = transform_point(to_field, world);
        const auto x = std::llround(v[0]), y = std::llround(v[1]), z = std::llround(v[2]);
        return field.grid.contains(x, y, z);
    };
    if (s.kind == Seeds::Kind::sphere) {
        const Vec3d c = transform_point(to_field, s.sphere.centre), size = voxel_sizes(field.grid.voxel_to_world);
        for (int a = 0; a < 3; ++a)
            if (c[a] < -0.5 - s.sphere.radius_mm / size[a] || c[a] > static_cast<double>(field.grid.size[a]) - 0.5 + s.sphere.radius_mm / size[a]) return false;
        return true;
    }
    if (s.kind == Seeds::Kind::points) return std::any_of(s.points.begin(), s.points.end(), inside);
    const bool dynamic = s.kind == Seeds::Kind::dynamic;
    const auto& grid = dynamic ? s.dynamic->fixels().grid : s.image.grid;
    const auto has_seeds = [&](std::size_t v) { return dynamic ? s.dynamic->fixels().first[v + 1] > s.dynamic->fixels().first[v] : s.image.data[v] > 0.0f; };
    for (std::int64_t z = 0, v = 0; z < grid.size[2]; ++z)
        for (std::int64_t y = 0; y < grid.size[1]; ++y)
            for (std::int64_t x = 0; x < grid.size[0]; ++x, ++v)
                if (has_seeds(static_cast<std::size_t>(v)) &&
                    inside(transform_point(grid.voxel_to_world, {static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)})))
                    return true;
    return false;
}

/// Parallel transport's steps are too short to go back by: three attempts at each of twenty to a step of iFOD2 would be most of all the work. So it goes back as far at a time as iFOD2 does.
std::int32_t cut_vertices(const TrackInput& input, const TrackOptions& o) {
    return o.algorithm == Algorithm::ptt ? static_cast<std::int32_t>(std::max(1L, std::lround(0.5 * mean_voxel_size(input.field.grid) / o.step))) : 1;
}

}  // namespace

std::vector<std::uint32_t> cumulated(const std::vector<double>& values) {
    double total = 0;
    for (const double v : values) total += v;
    std::vector<std::uint32_t> out;
    double sum = 0;
    for (const double v : values) {
        sum += v;
        out.push_back(static_cast<std::uint32_t>(std::clamp(std::floor(sum / total * 4294967296.0) - 1.0, 0.0, 4294967295.0)));
    }
    out.back() = 0xffffffffu;
    return out;
}

Seeds seeds_in(const Mask& mask, std::string name) {
    Seeds s;
    s.name = std::move(name);
    s.image = ScalarImage(mask.grid, 1);
    for (std::size_t v = 0; v < mask.data.size(); ++v) s.image.data[v] = mask.data[v] ? 1.0f : 0.0f;
    return s;
}

std::int64_t finite_seeds(std::span<const Seeds> seeds) {
    std::int64_t sum = 0;
    for (const auto& s : seeds)
        if (s.finite()) sum += seeds_of(s);
    return sum;
}

std::int32_t most_vertices(const TrackOptions& o) {
    // Vertices are at least a chord of the tightest arc apart, which is 0.9 of its length at 90 degrees.
    return static_cast<std::int32_t>(std::min(1e9, o.max_length / o.step * (steps_along_arcs(o) ? o.samples - 1 : 1) * 1.2 + 64));
}

Scene::Scene(const TrackInput& input, const TrackOptions& o, const Device& device) {
    if (input.anatomy) add_tissues(*input.anatomy, device);
    add_regions(input.regions, device);
    add_seeds(input, device);
    rules_.run_seed = o.seed;
    rules_.min_length = static_cast<float>(o.min_length);
    rules_.max_length = static_cast<float>(o.max_length);
    rules_.max_vertices = most_vertices(o);
    rules_.cut_vertices = cut_vertices(input, o);
    rules_.downsample = o.downsample;
    rules_.unidirectional = o.unidirectional;
    rules_.seed_one_minus_cos = one_minus_cos(radians(o.angle));
    rules_.seed_trials = o.seed_trials;
    if (o.direction) {
        rules_.has_direction = true;
        rules_.direction = kernels::normalized(to_kernel(*o.direction));
    }
}

void Scene::add_tissues(const Anatomy& anatomy, const Device& device) {
    const ScalarImage& image = anatomy.tissues;
    require_tissue_fractions(image);
    const std::int64_t voxels = image.grid.voxels();
    constexpr int stride = kernels::TissueImage::stride;
    std::vector<float> rows(static_cast<std::size_t>(voxels * stride));
    std::int64_t white = 0;
    for (std::int64_t v = 0; v < voxels; ++v) {
        float sum = 0;
        for (int t = 0; t < 5; ++t) {
            const float f = image.at(v, t);
            sum += f;
            rows[static_cast<std::size_t>(v * stride + t)] = f;
        }
        if (sum > 0.01f && std::fabs(sum - 1.0f) > 0.05f)
            throw InputError(fmt::format("the tissue image's fractions sum to {:.3f} in a voxel (they sum to 1 inside the brain and to 0 outside); give the output of 5ttgen", sum));
        white += image.at(v, 2) > 0.5f;
    }
    if (white == 0) throw InputError("the tissue image has no white matter (its third volume is nowhere above one half); check the order of its volumes");
    tissues_ = Buffer<float>(device, rows);
    const auto& size = image.grid.size;
    rules_.act = {{tissues_.data(), static_cast<int>(size[0]), static_cast<int>(size[1]), static_cast<int>(size[2]), to_kernel(inverse(image.grid.voxel_to_world)),
                   static_cast<float>(mean_voxel_size(image.grid))},
                  anatomy.backtrack,
                  anatomy.crop};
}

void Scene::add_regions(const Regions& regions, const Device& device) {
    std::vector<kernels::Region> all;
    for (const auto* list : {&regions.mask, &regions.exclude, &regions.include, &regions.include_ordered})
        for (const Region& region : *list) {
            kernels::Region r{};
            if (const Mask* mask = region.mask()) {
                voxels_inside(*mask, region.name());  // throws where there is none
                masks_.emplace_back(device, mask->data);
                const auto& size = mask->grid.size;
                r.inside = masks_.back().data();
                r.nx = static_cast<int>(size[0]), r.ny = static_cast<int>(size[1]), r.nz = static_cast<int>(size[2]);
                r.world_to_voxel = to_kernel(inverse(mask->grid.voxel_to_world));
            } else {
                const Sphere& ball = *region.sphere();
                r.centre = to_kernel(ball.centre);
                r.radius_squared = static_cast<float>(ball.radius_mm * ball.radius_mm);
            }
            all.push_back(r);
        }
    regions_ = Buffer<kernels::Region>(device, all);
    rules_.regions = {regions_.data(), static_cast<int>(regions.mask.size()), static_cast<int>(regions.exclude.size()), static_cast<int>(regions.include.size()),
                      static_cast<int>(regions.include_ordered.size()), regions.stop_at_include};
}

void Scene::add_seeds(const TrackInput& input, const Device& device) {
    using Kind = Seeds::Kind;
    std::vector<kernels::SeedSource> sources;
    std::vector<double> volumes;
    std::int64_t end = 0;
    for (const Seeds& s : input.seeds) {
        kernels::SeedSource out{};
        if (s.kind == Kind::sphere) {
            const double r = s.sphere.radius_mm;
            if (!(r > 0)) throw InputError(fmt::format("the seed sphere {} has no radius; give x,y,z,radius in mm", s.name));
            volumes.push_back(4.0 / 3.0 * 3.14159265358979323846 * r * r * r);
        } else if (s.kind == Kind::points) {
            if (s.points.empty()) throw InputError(fmt::format("{} holds no point; give one x y z per line", s.name));
            std::vector<kernels::Vec3> points;
            for (const auto& p : s.points) points.push_back(to_kernel(p));
            seed_points_.emplace_back(device, points);
            out.points = seed_points_.back().data();
            out.count = static_cast<std::uint32_t>(points.size());
        } else if (s.kind == Kind::dynamic) {
            const Fixels& fixels = s.dynamic->fixels();
            const auto& size = fixels.grid.size;
            std::vector<std::int32_t> coordinates;
            std::vector<kernels::Vec3> directions;
            for (std::int64_t v = 0; v < fixels.grid.voxels(); ++v)
                for (auto f = fixels.first[static_cast<std::size_t>(v)]; f < fixels.first[static_cast<std::size_t>(v) + 1]; ++f) {
                    add_voxel(v, size, coordinates);
                    const float* d = &fixels.mean_direction[3 * std::size_t{f}];
                    directions.push_back({d[0], d[1], d[2]});
                }
            out.count = static_cast<std::uint32_t>(directions.size());
            seed_voxels_.emplace_back(device, coordinates);
            seed_points_.emplace_back(device, directions);
            seed_shares_.emplace_back(device, cumulated(s.dynamic->state.probability));
            out.voxels = seed_voxels_.back().data();
            out.directions = seed_points_.back().data();
            out.up_to = seed_shares_.back().data();
            out.voxel_to_world = to_kernel(fixels.grid.voxel_to_world);
            out.world_to_voxel = to_kernel(inverse(fixels.grid.voxel_to_world));
            volumes.push_back(1);
        } else {
            std::vector<std::int32_t> coordinates;
            std::vector<double> weights;
            const auto& size = s.image.grid.size;
            for (std::int64_t v = 0; v < s.image.grid.voxels(); ++v) {
                const float value = s.image.data[static_cast<std::size_t>(v)];
                if (!std::isfinite(value)) throw InputError(fmt::format("{} has values that are not finite; set them to zero", s.name));
                if (!(value > 0.0f)) continue;
                add_voxel(v, size, coordinates);
                weights.push_back(static_cast<double>(value));
            }
            if (weights.empty()) throw InputError(fmt::format("{} is empty (no voxel above zero); give one that covers some of the image", s.name));
            if (weights.size() >> 32) throw InputError(fmt::format("{} has more than 2^32 voxels; use a coarser one", s.name));
            seed_voxels_.emplace_back(device, coordinates);
            out.voxels = seed_voxels_.back().data();
            out.count = static_cast<std::uint32_t>(weights.size());
            double sum = static_cast<double>(weights.size());
            if (s.kind == Kind::weighted) {
                seed_shares_.emplace_back(device, cumulated(weights));
                out.up_to = seed_shares_.back().data();
                sum = 0;
                for (const double w : weights) sum += w;
            }
            volumes.push_back(sum * voxel_volume(s.image.grid));
            out.voxel_to_world = to_kernel(s.image.grid.voxel_to_world);
        }
        if (!meets_field(s, input.field)) throw InputError(fmt::format("{} lies outside the image that is tracked through (another space?); check that both are in scanner coordinates", s.name));
        if (s.finite() && (s.per_voxel < 1 || s.per_voxel > 1000)) throw InputError(fmt::format("{} seeds per voxel make no sense; give 1 to 1000", s.per_voxel));
        out.kind = static_cast<kernels::SeedKind>(s.kind);
        out.per_voxel = static_cast<std::uint32_t>(s.per_voxel);
        out.centre = to_kernel(s.sphere.centre);
        out.radius = static_cast<float>(s.sphere.radius_mm);
        out.end = end += s.finite() ? seeds_of(s) : 0;
        sources.push_back(out);
    }
    if (end == 0) {
        const auto shares = cumulated(volumes);
        for (std::size_t i = 0; i < sources.size(); ++i) sources[i].share_up_to = shares[i];
    }
    seeds_ = Buffer<kernels::SeedSource>(device, sources);
    rules_.seeds = {seeds_.data(), static_cast<int>(sources.size()), end > 0, rules_.act.image};
}

static_assert(static_cast<int>(kernels::SeedKind::fixels) == static_cast<int>(Seeds::Kind::dynamic));
static_assert(static_cast<int>(kernels::SeedKind::interface) == static_cast<int>(Seeds::Kind::interface));
static_assert(static_cast<int>(kernels::SeedKind::grid_per_voxel) == static_cast<int>(Seeds::Kind::grid_per_voxel));

}  // namespace arcuate::tracking
