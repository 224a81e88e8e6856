#include "tracking/calibrate.hpp"

#include "arcuate/core/error.hpp"

#include <functional>

namespace arcuate::tracking {

namespace {

using namespace kernels;

/// Amplitude of a band-limited delta function along z, at elevation cosine z: sum over l of (2l+1)/(4 pi) P_l(z).
class DeltaFunction {
  public:
    explicit DeltaFunction(int lmax) : lmax_(lmax) {}
    float operator()(float cosine) const {
        const double z = cosine;
        double before = 1, now = z, sum = 1;  // P_0, P_1
        for (int l = 2; l <= lmax_; ++l) {
            const double next = ((2 * l - 1) * z * now - (l - 1) * before) / l;
            before = now;
            now = next;
            if (l % 2 == 0) sum += (2 * l + 1) * now;
        }
        return static_cast<float>(sum / (4 * 3.14159265358979323846));
    }

  private:
    int lmax_;
};

/// Probability of the arc that bends by `angle` away from the fibre.
float reference_probability(const Ifod2Params& params, const DeltaFunction& fod, float voxel_mm, float angle) {
    const Ifod2State start{{0, 0, 0}, {0, 0, 1}, 0.5f * log(fod(1.0f))};
    const Frame frame{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    const Arc arc(start.position, frame, ArcShape{angle, 1.0f, 0.0f}, params.step);
    float log_p = start.half_log_start;
    for (int i = 1; i <= params.samples; ++i) {
        Vec3 position, tangent;
        arc.sample(static_cast<float>(i) / static_cast<float>(params.samples), position, tangent);
        const float f = fod(tangent.z) * (1.0f - position.x / voxel_mm);
        if (!(f > 0.0f)) return 0.0f;
        log_p += (i < params.samples ? 1.0f : 0.5f) * log(f);
    }
    return exp(params.power * log_p);
}

/// Hexagonal grid in the plane of (angle, azimuth), the centre first.
std::vector<ArcShape> hexagonal_grid(float spacing, float radius) {
    std::vector<ArcShape> arcs{{0.0f, 1.0f, 0.0f}};
    const int reach = static_cast<int>(radius / spacing * 1.2f) + 2;
    for (int i = -reach; i <= reach; ++i)
        for (int j = -reach; j <= reach; ++j) {
            if (i == 0 && j == 0) continue;
            const float x = spacing * (static_cast<float>(i) + 0.5f * static_cast<float>(j));
            const float y = spacing * static_cast<float>(j) * 0.866025404f;
            const float angle = sqrt(x * x + y * y);
            if (angle <= radius) arcs.push_back({angle, x / angle, y / angle});
        }
    return arcs;
}

/// The grid over a disc of radius `reach` that needs the fewest evaluations in all, given the density by distance from its best point.
Calibration best_grid(float reach, const std::function<float(float)>& density) {
    const float step = 0.001f;
    std::vector<float> p;  // by distance, until it vanishes or the disc ends
    float zero = 0.0f;
    for (int i = 0;; ++i) {
        zero = step * static_cast<float>(i);
        const float value = zero <= reach ? density(zero) : 0.0f;
        if (!(value > 0.0f)) break;
        p.push_back(value);
    }
    Calibration best;
    best.expected_arcs = infinity;
    for (std::size_t i = 1; i < p.size(); ++i) {
        const float angle = step * static_cast<float>(i);
        const float ratio = p[0] / p[i];
        // Rejection over the cap against a density that vanishes at `zero`.
        const float trials = reach * reach * (1.0f + ratio) / (2.0f * zero * zero);
        // Of N arcs at least one lies in each of the cap's cells of area spacing^2 sqrt(3)/2: a grid that is already worse is not made.
        const float cells = 3.14159265f * reach * reach / (3 * angle * angle * 0.866025404f);
        if (trials + cells >= best.expected_arcs) continue;
        auto grid = hexagonal_grid(1.73205081f * angle, reach + angle);
        const float arcs = trials + static_cast<float>(grid.size());
        if (arcs < best.expected_arcs) best = {std::move(grid), ratio, arcs, angle};
    }
    if (best.arcs.empty())
        throw InputError("the tracker cannot be calibrated (the step is too long or the angle too small for this image); use a smaller --step or a larger --angle");
    return best;
}

}  // namespace

Calibration calibrate(const Ifod2Params& params, int lmax, float voxel_mm) {
    const DeltaFunction fod(lmax);
    return best_grid(params.max_angle, [&](float angle) { return reference_probability(params, fod, voxel_mm, angle); });
}

Calibration calibrate_directions(const Ifod2Params& params, int lmax) {
    const DeltaFunction fod(lmax);
    return best_grid(params.max_angle, [&](float angle) {
        const float f = fod(cos(angle));
        return f > 0.0f ? pow(f, params.power) : 0.0f;
    });
}

Calibration calibrate_curves(const PttParams& params, int lmax, float voxel_mm) {
    const DeltaFunction fod(lmax);
    const PttState start{{0, 0, 0}, {0, 0, 1}, {1, 0, 0}};
    return best_grid(params.max_curvature * params.probe, [&](float angle) {
        const PttCurve curve(start, angle / params.probe, 0.0f);
        float sum = 0.5f * fod(1.0f);
        for (int i = 1; i <= params.samples; ++i) {
            Vec3 position, tangent;
            curve.at(start, params.probe * static_cast<float>(i) / static_cast<float>(params.samples), position, tangent);
            sum += (i < params.samples ? 1.0f : 0.5f) * max(fod(tangent.z) * (1.0f - position.x / voxel_mm), 0.0f);
        }
        return pow(sum / static_cast<float>(params.samples), params.power);
    });
}

}  // namespace arcuate::tracking
