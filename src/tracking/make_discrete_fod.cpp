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
    Buffer<float> basis;
    TrackOptions options;

    kernels::DiscreteFod<Lmax> view(const kernels::TrackRules&) const {
        return {{fod.view(), directions.data(), basis.data(), static_cast<int>(directions.size()), static_cast<float>(options.cutoff),
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
        using Field = kernels::FodField<order>;
        std::vector<float> basis(directions.size() * Field::stride);
        for (std::size_t i = 0; i < directions.size(); ++i) Field::padded_basis(directions[i], basis.data() + i * Field::stride);
        return kernel_tracker(Images<order>{FodOnDevice<order>(input.field, device), Buffer<kernels::Vec3>(device, directions), Buffer<float>(device, basis), o}, input, o,
                              device);
    });
}

}  // namespace arcuate::tracking
