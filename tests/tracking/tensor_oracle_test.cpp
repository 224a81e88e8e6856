// The algorithms that walk along tensors: whole streamlines through a noisy signal against double precision, with the same signs of the
// bootstrap.
#include "arcuate/core/directions.hpp"
#include "reference/tensor_tracking.hpp"
#include "tracking/oracle.hpp"

using namespace arcuate;
using tracking::Algorithm;
using tracking::Stop;

namespace {

/// The crossing as a signal: two tensors and free water, with noise of 3% of S0 that is uniform, b = 1000 s/mm2 along 40 directions. 140
/// volumes for the bootstrap, so that one draw does not hold all of their signs.
struct Acquisition {
    GradientTable table;
    ScalarImage signal;
    TensorModel model;

    explicit Acquisition(int directions) {
        table.directions.assign(4, Vec3d{0, 0, 0});
        for (const Vec3d& d : repelled_directions(directions)) table.directions.push_back(d);
        table.b_values.assign(table.directions.size(), 1000);
        std::fill_n(table.b_values.begin(), 4, 0);
        const auto n = table.size();
        signal = ScalarImage(test::oblique_box(), n);
        test::for_each_crossing(signal.grid, [&](std::int64_t v, const test::Crossing& c) {
            for (std::int64_t j = 0; c.size > 0 && j < n; ++j) {
                const auto i = static_cast<std::size_t>(j);
                const auto stick = [&](const Vec3d& d) {
                    return std::exp(-table.b_values[i] * (0.3e-3 + 1.4e-3 * std::pow(reference::dot(table.directions[i], d), 2)));
                };
                const double noise =
                    reference::uniform(
                        kernels::Philox{9, static_cast<std::uint64_t>(v), kernels::Purpose::noise, 0}(static_cast<std::uint32_t>(j)).v[0]) -
                    0.5;
                const double fibres = (stick(c.turning) + c.share * stick(c.straight)) / (1 + c.share);
                signal.at(v, j) =
                    static_cast<float>(1000 * (c.size * fibres + (1 - c.size) * std::exp(-table.b_values[i] * 1e-3) + 0.06 * noise));
            }
        });
        Eigen::MatrixXd a(n, 7);
        for (std::int64_t j = 0; j < n; ++j) {
            const double b = table.b_values[static_cast<std::size_t>(j)];
            const auto& g = table.directions[static_cast<std::size_t>(j)];
            a.row(j) << -b * g[0] * g[0], -b * g[1] * g[1], -b * g[2] * g[2], -2 * b * g[0] * g[1], -2 * b * g[0] * g[2],
                -2 * b * g[1] * g[2], 1;
        }
        const Eigen::MatrixXd inverse = a.completeOrthogonalDecomposition().pseudoInverse();
        model.volumes = n;
        for (std::int64_t j = 0; j < n; ++j)
            for (int k = 0; k < 7; ++k) model.design.push_back(a(j, k));
        for (int k = 0; k < 7; ++k)
            for (std::int64_t j = 0; j < n; ++j) model.inverse.push_back(inverse(k, j));
    }
};

void expect_agreement(const Acquisition& dwi, const tracking::TrackOptions& options, std::initializer_list<Stop> ends) {
    const Vec3d sense{0.48, 0.6, -0.64};
    tracking::TrackOptions with_sense = options;
    with_sense.direction = sense;
    const test::OracleCase c(dwi.signal, 150, with_sense, &dwi.model);
    test::expect_agreement(
        c,
        c.first_order(reference::TensorDirections(dwi.signal, dwi.table, options.algorithm == Algorithm::tensor_prob, c.o.cutoff,
                                                  c.o.seed_cutoff, options.rk4 ? 0 : c.cos_max_angle(), sense),
                      c.cos_max_angle()),
        ends);
}

}  // namespace

TEST(TensorOracle, Deterministic) {
    const Acquisition dwi(40);
    for (const bool rk4 : {false, true})
        expect_agreement(dwi, {.algorithm = Algorithm::tensor_det, .step = 0.5, .angle = rk4 ? 1.5 : 60.0, .cutoff = 0.2, .rk4 = rk4},
                         {Stop::exit_image, Stop::model, rk4 ? Stop::high_curvature : Stop::length_exceeded});
}

TEST(TensorOracle, WildBootstrap) {
    const Acquisition dwi(140);
    for (const bool rk4 : {false, true})
        expect_agreement(dwi, {.algorithm = Algorithm::tensor_prob, .step = 0.5, .angle = 1.5, .cutoff = 0.2, .rk4 = rk4},
                         {Stop::exit_image, Stop::model, Stop::high_curvature});
}
