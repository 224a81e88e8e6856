#include "kernels/discrete_fod.hpp"

#include "arcuate/core/directions.hpp"
#include "tracking/tracker.hpp"

namespace arcuate::tracking {

namespace {

constexpr int directions_drawn_from = 362;     // as many axes as DIPY's default sphere has (724 points)
constexpr float relative_cutoff = 0.1f;        // DIPY's pmf_threshold

template <int Lmax>
struct Images {
    FodOnDevice<Lmax> fod;
    Buffer<kernels::Vec3> directions;
    Buffer<float> monomials;
    TrackOptions options;

    kernels::DiscreteFod<Lmax> view(const kernels::TrackRules&) const {
        return {{fod.view(), directions.data(), monomials.data(), static_cast<int>(directions.size()), static_cast<float>(options.cutoff),
                 static_cast<float>(options.seed_cutoff), relative_cutoff, kernels::cos(radians(options.angle))},
                static_cast<float>(options.step),
                options.rk4};
    }
    int calibration_arcs() const { return 0; }
};

}  // namespace

std::unique_ptr<Tracker> make_discrete_fod(const TrackInput& input, const TrackOptions& o, const Device& device) {
    static_assert(directions_drawn_from <= kernels::max_discrete_directions);
    std::vector<kernels::Vec3> directions;
    for (const auto& d : repelled_directions(directions_drawn_from)) directions.push_back(kernels::normalized(to_kernel(d)));
    return with_order<8, 12>(lmax_of_fod(input.field), [&](auto order) {
        using Polynomial = kernels::ShPolynomial<order>;
        std::vector<float> monomials(directions.size() * Polynomial::stride);
        for (std::size_t i = 0; i < directions.size(); ++i) Polynomial::monomials(directions[i], monomials.data() + i * Polynomial::stride);
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), Buffer<kernels::Vec3>(device, directions), Buffer<float>(device, monomials), o}, input, o,
                              device);
    });
}

}  // namespace arcuate::tracking
