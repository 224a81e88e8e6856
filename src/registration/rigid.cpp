#include "arcuate/registration/rigid.hpp"

#include "arcuate/core/error.hpp"
#include "registration/half_way.hpp"
#include "registration/spline_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arcuate::registration {

namespace {

constexpr double rim_mm = 3;          // beyond the masks: the brain's edge belongs to what is compared
constexpr double reach_mm = 80;       // from the centre to the brain's surface: what a turn moves
constexpr double tolerance_mm = 1e-3; // of a step on the last grid
constexpr double coarse_tolerance = 0.02;  // of a step on the others, in spacings
constexpr double largest_turn = 0.2;  // of a step [rad]

constexpr double smoothing = 2;       // full width at half maximum, in spacings: sums over the grid then hardly depend on where its points lie

/// Spacings of the grids [mm], from coarse to fine.
std::vector<double> spacings_of(const std::vector<RigidInput>& sessions, double coarsest) {
    double finest = 0;
    for (const auto& s : sessions) finest += mean_voxel_size(s.image.grid) / static_cast<double>(sessions.size());
    std::vector<double> spacings{finest};
    while (spacings.back() < coarsest) spacings.push_back(2 * spacings.back());
    std::reverse(spacings.begin(), spacings.end());
    return spacings;
}

/// The centre of the mask, or of the intensities where there is none [mm].
Vec3d centre_of(const RigidInput& session) {
    const Grid& grid = session.image.grid;
    double total = 0;
    Vec3d sum{};
    for (std::int64_t v = 0; v < grid.voxels(); ++v) {
        const float value = session.image.at(v);
        const double weight = session.mask ? (session.mask->at(v) ? 1 : 0) : (kernels::is_finite(value) && value > 0 ? static_cast<double>(value) : 0);
        total += weight;
        const double voxel[3] = {static_cast<double>(v % grid.size[0]), static_cast<double>(v / grid.size[0] % grid.size[1]), static_cast<double>(v / (grid.size[0] * grid.size[1]))};
        for (std::size_t i = 0; i < 3; ++i) sum[i] += weight * voxel[i];
    }
    if (!(total > 0)) throw InputError(fmt::format("{} is empty (nothing in it is above zero); give an image with a brain in it", session.name));
    for (double& value : sum) value /= total;
    return transform_point(grid.voxel_to_world, sum);
}

double mean_inside(const RigidInput& session) {
    double sum = 0, count = 0;
    for (std::int64_t v = 0; v < session.image.grid.voxels(); ++v) {
        const float value = session.image.at(v);
        if ((session.mask && !session.mask->at(v)) || !kernels::is_finite(value)) continue;
        sum += static_cast<double>(value);
        count += 1;
    }
    return count > 0 ? sum / count : 0;
}

void check(const std::vector<RigidInput>& sessions, const RigidOptions& options) {
    if (sessions.size() < 2) throw InputError("one image alone cannot be registered; give two or more");
    if (!(options.coarsest_mm > 0)) throw InputError("the coarsest grid has no spacing above zero; give some mm");
    for (const auto& s : sessions) {
        if (s.image.volumes != 1) throw InputError(fmt::format("{} has {} volumes (one contrast is registered); give a 3-D image, such as FA or the mean b = 0", s.name, s.image.volumes));
        if (s.mask.has_value() != sessions.front().mask.has_value())
            throw InputError(fmt::format("{} and {} differ in having a mask (all sessions have one or none has); give every image its mask", s.name, sessions.front().name));
        if (s.mask) require_same_grid(s.mask->grid, "the mask of " + s.name, s.image.grid, s.name);
        if (!(mean_inside(s) > 0)) throw InputError(fmt::format("{} is not above zero on average; give an image of FA or b = 0", s.name));
    }
}

/// All that the grids share.
class Registration {
  public:
    Registration(const std::vector<RigidInput>& sessions, const RigidOptions& options, const Device& device, Progress& progress)
        : sessions_(sessions), options_(options), device_(device), progress_(progress), spacings_(spacings_of(sessions, options.coarsest_mm)) {
        for (const auto& s : sessions) {
            centres_.push_back(centre_of(s));
            for (std::size_t i = 0; i < 3; ++i) centre_[i] += centres_.back()[i] / static_cast<double>(sessions.size());
            if (s.mask) masks_.push_back(dilated(*s.mask, rim_mm));
        }
    }

    RigidResult run() {
        progress_.begin("registering", 0, "iterations");
        RigidResult out;
        std::vector<SplineImage> images = splines(spacings_.front());
        Placement placement = start(images);
        for (const double& spacing : spacings_) {
            if (&spacing != &spacings_.front()) images = splines(spacing);
            HalfWay half_way(images, placement, centre_, spacing, device_);
            const bool last = &spacing == &spacings_.back();
            out.converged = refine(half_way, placement, centres_, last ? tolerance_mm : coarse_tolerance * spacing);
            if (last) describe(half_way, placement, out);
        }
        out.iterations = iterations_;
        out.centre = centre_;
        progress_.end();
        return out;
    }

  private:
    std::vector<SplineImage> splines(double spacing) const {
        std::vector<SplineImage> out;
        for (std::size_t s = 0; s < sessions_.size(); ++s) {
            ScalarImage image = smoothed(sessions_[s].image, smoothing * spacing, device_);
            const auto scale = static_cast<float>(1 / mean_inside(sessions_[s]));
            for (float& value : image.data) value *= scale;
            const auto coefficients = spline_coefficients(image, device_);
            out.push_back({sessions_[s].image.grid, Buffer<float>(device_, std::span(coefficients)), masks_.empty() ? Buffer<std::uint8_t>() : Buffer<std::uint8_t>(device_, std::span(std::as_const(masks_[s].data)))});
        }
        return out;
    }

    /// Steps until they are small; false where they are not after max_iterations, or there is too little to compare.
    bool refine(HalfWay& half_way, Placement& placement, const std::vector<Vec3d>& centres, double tolerance) {
        std::vector<Step> steps;
        for (int i = 0; i < options_.max_iterations; ++i) {
            if (!half_way.sample(placement) || !half_way.solve(steps)) return false;
            progress_.at(++iterations_);
            double largest = 0, gains = 0;
            for (std::size_t s = 0; s < steps.size(); ++s) {
                Vec3d d{steps[s][0], steps[s][1], steps[s][2]}, w{steps[s][3], steps[s][4], steps[s][5]};
                const double turn = kernels::sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]);
                if (turn > largest_turn)
                    for (std::size_t k = 0; k < 3; ++k) d[k] *= largest_turn / turn, w[k] *= largest_turn / turn;
                const Pose before = placement.to_common[s];
                placement.to_common[s] = composed(small_motion(d, w, centre_), before);
                placement.gain[s] *= 1 + std::clamp(steps[s][6], -0.5, 0.5);
                gains += placement.gain[s] / static_cast<double>(steps.size());
                largest = std::max(largest, kernels::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) + reach_mm * std::min(turn, largest_turn));
            }
            recentre(placement.to_common, centres, centre_);
            for (double& gain : placement.gain) gain /= gains;
            if (largest < tolerance) return half_way.sample(placement) && half_way.solve(steps);
        }
        return false;
    }

    /// The better of two starts on the coarsest grid: the world frames as they are, and the centres on top of each other. Of more than two sessions each is first
    /// brought to the first one, so that the mean of all is sharp from the beginning; where they end does not depend on that.
    Placement start(std::vector<SplineImage>& images) {
        const std::size_t n = sessions_.size();
        Placement all{std::vector<Pose>(n), std::vector<double>(n, 1.0)};
        for (std::size_t s = 1; s < n; ++s) {
            std::vector<SplineImage> pair;
            pair.push_back(std::move(images[0]));
            pair.push_back(std::move(images[s]));
            const Placement best = start_of_pair(pair, s);
            images[0] = std::move(pair[0]);
            images[s] = std::move(pair[1]);
            if (n == 2) return best;
            all.to_common[s] = composed(inverse(best.to_common[0]), best.to_common[1]);
        }
        recentre(all.to_common, centres_, centre_);
        return all;
    }

    Placement start_of_pair(const std::vector<SplineImage>& pair, std::size_t s) {
        const std::vector<Vec3d> centres{centres_[0], centres_[s]};
        Placement best;
        double best_fit = -2;
        for (const bool by_centres : {false, true}) {
            Placement placement{std::vector<Pose>(2), {1, 1}};
            if (by_centres)
                for (std::size_t k = 0; k < 2; ++k)
                    for (std::size_t i = 0; i < 3; ++i) placement.to_common[k].shift[i] = centre_[i] - centres[k][i];
            else
                recentre(placement.to_common, centres, centre_);
            HalfWay half_way(pair, placement, centre_, spacings_.front(), device_);
            refine(half_way, placement, centres, coarse_tolerance * spacings_.front());
            const double fit = half_way.fit(0);
            if (fit > best_fit) {
                best_fit = fit;
                best = placement;
            }
        }
        return best;
    }

    void describe(const HalfWay& half_way, const Placement& placement, RigidResult& out) const {
        out.mean = half_way.mean();
        for (std::size_t s = 0; s < sessions_.size(); ++s) {
            SessionPlace place;
            place.to_common = affine_of(placement.to_common[s]);
            place.rotation_deg = rotation_angle_deg(place.to_common);
            const Vec3d at = transform_point(place.to_common, centres_[s]);
            double squares = 0;
            for (std::size_t i = 0; i < 3; ++i) squares += (at[i] - centres_[s][i]) * (at[i] - centres_[s][i]);
            place.shift_mm = kernels::sqrt(squares);
            place.fit = half_way.fit(s);
            const auto errors = half_way.errors(s);
            place.shift_error_mm = errors[0];
            place.rotation_error_deg = errors[1];
            place.residual_mm = half_way.residual_shift(s);
            place.downweighted = half_way.downweighted(s);
            place.gain = placement.gain[s];
            out.sessions.push_back(place);
        }
    }

    const std::vector<RigidInput>& sessions_;
    const RigidOptions& options_;
    const Device& device_;
    Progress& progress_;
    std::vector<double> spacings_;
    std::vector<Vec3d> centres_;
    Vec3d centre_{};
    std::vector<Mask> masks_;
    int iterations_ = 0;
};

}  // namespace

RigidResult place_rigid(const std::vector<RigidInput>& sessions, const RigidOptions& options, const Device& device, Progress& progress) {
    check(sessions, options);
    return Registration(sessions, options, device, progress).run();
}

std::optional<Misfit> misfit_of(const RigidResult& result, const std::vector<RigidInput>& sessions, const RigidOptions& options) {
    const auto worst = std::min_element(result.sessions.begin(), result.sessions.end(), [](const auto& a, const auto& b) { return a.fit < b.fit; });
    if (worst->fit >= options.min_fit && worst->residual_mm <= options.max_residual_mm) return std::nullopt;
    const auto session = static_cast<std::size_t>(worst - result.sessions.begin());
    const std::string who = sessions.size() > 2 ? sessions[session].name + " does not fit the others" : sessions[0].name + " and " + sessions[1].name + " do not fit each other";
    return Misfit{session, fmt::format("{} (after registration their correlation is {:.3f}, {:g} is asked for, and {:.2f} mm are left over, {:g} are allowed: another brain, another contrast, or "
                                       "too far away to start from); look at the images, or change the limits",
                                       who, worst->fit, options.min_fit, worst->residual_mm, options.max_residual_mm)};
}

RigidResult register_rigid(const std::vector<RigidInput>& sessions, const RigidOptions& options, const Device& device, Progress& progress) {
    RigidResult result = place_rigid(sessions, options, device, progress);
    if (const auto misfit = misfit_of(result, sessions, options)) throw InputError(misfit->sentence);
    return result;
}

}  // namespace arcuate::registration
