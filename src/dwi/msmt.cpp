#include "arcuate/dwi/msmt.hpp"

#include "arcuate/core/directions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "dwi/csd_problem.hpp"
#include "dwi/dense.hpp"
#include "dwi/shell.hpp"
#include "dwi/voxel_rows.hpp"
#include "kernels/msmt_csd.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

namespace {

constexpr int largest_lmax = 12, default_lmax = 8, default_directions = 300;
/// Added to the diagonal of C^T C, relative to its largest element: keeps systems with more coefficients than volumes solvable.
constexpr double norm_fraction = 1e-10;
/// Constraints whose rows have a smaller cosine are not neighbours.
constexpr double least_cosine = 0.2;

/// What the kernel shares between voxels, on the host; shapes as in kernels::MsmtProblem.
struct Matrices {
    std::size_t unknowns = 0, width = 0, constraints = 0;
    std::vector<double> project, constraint, gram, recover;
    std::vector<float> constraint_t, gram_f;
    std::vector<std::int16_t> near;
};

/// Order of every tissue's FOD.
std::vector<int> choose_lmax(const std::vector<Tissue>& tissues, const std::vector<int>& asked) {
    if (!asked.empty() && asked.size() != tissues.size())
        throw InputError(fmt::format("{} values of lmax were given for {} tissues; give one per tissue", asked.size(), tissues.size()));
    std::vector<int> out;
    for (std::size_t t = 0; t < tissues.size(); ++t) {
        std::size_t orders = 1;
        for (const auto& shell : tissues[t].shells) orders = std::max(orders, shell.size());
        const int of_response = 2 * static_cast<int>(orders) - 2;
        const int lmax = asked.empty() ? std::min(of_response, default_lmax) : asked[t];
        if (lmax < 0 || lmax > largest_lmax || lmax % 2)
            throw InputError(fmt::format("lmax {} is not available for multi-tissue FODs (it is even, from 0 to {}); choose one of these", lmax, largest_lmax));
        if (lmax > of_response)
            throw InputError(fmt::format("lmax {} exceeds that of the response of {} ({}); lower --lmax or estimate the response with more",
                                         lmax, tissues[t].name, of_response));
        out.push_back(lmax);
    }
    return out;
}

void require_responses(const std::vector<Tissue>& tissues, const std::vector<Shell>& shells) {
    if (tissues.empty()) throw InputError("no tissue response was given; give at least one");
    std::string list;
    for (const auto& s : shells) list += fmt::format("{}{:.0f}", list.empty() ? "" : ", ", s.b_value);
    for (const auto& tissue : tissues) {
        if (tissue.shells.size() != shells.size())
            throw InputError(fmt::format("the response of {} has {} rows but the image has {} shells (b = {} s/mm2); give one row per shell, b = 0 included",
                                         tissue.name, tissue.shells.size(), shells.size(), list));
        for (const auto& row : tissue.shells)
            for (const double r : row)
                if (!kernels::is_finite(static_cast<float>(r)))
                    throw InputError(fmt::format("the response of {} holds a number that is not finite; estimate the response anew", tissue.name));
        for (const auto& row : tissue.shells)
            if (row.empty() || !(row[0] >= 0))
                throw InputError(fmt::format("the response of {} has a negative mean signal (a signal cannot be); estimate the response anew", tissue.name));
    }
    if (shells.size() < tissues.size())
        throw InputError(fmt::format("{} tissues cannot be told apart by {} shells (b = {} s/mm2); give fewer responses, or an image with at least {} shells, "
                                     "b = 0 included",
                                     tissues.size(), shells.size(), list, tissues.size()));
    // The mean signal of each shell is all that tells isotropic tissues apart.
    Matrix means(shells.size(), tissues.size());
    for (std::size_t t = 0; t < tissues.size(); ++t) {
        double length = 0;
        for (const auto& row : tissues[t].shells) length += row[0] * row[0];
        if (!(length > 0)) throw InputError(fmt::format("the response of {} is zero in every shell; estimate the response anew", tissues[t].name));
        for (std::size_t s = 0; s < shells.size(); ++s) means(s, t) = tissues[t].shells[s][0] / kernels::sqrt(length);
    }
    if (cholesky(transposed_product(means, means), 1e-8).values.empty())
        throw InputError("the responses cannot be told apart (one is a combination of the others, as if a file had been given twice); give distinct ones");
}

/// basis[l(l+1)/2+m] for all orders to 12.
std::vector<double> basis_of(const Vec3d& d) {
    std::vector<double> out(static_cast<std::size_t>(sh_count(largest_lmax)));
    if (d[0] == 0 && d[1] == 0 && d[2] == 0)
        kernels::sh_basis<largest_lmax>(0.0, 0.0, 1.0, out.data());  // b = 0: only l = 0 counts, which has no direction
    else
        kernels::sh_basis<largest_lmax>(d[0], d[1], d[2], out.data());
    return out;
}

/// For each row, those of largest cosine to it.
std::vector<std::int16_t> nearest_rows(const std::vector<double>& gram, std::size_t rows) {
    constexpr std::size_t count = kernels::msmt_neighbours;
    std::vector<std::int16_t> out(rows * count);
    std::vector<std::pair<double, std::int16_t>> others;
    for (std::size_t r = 0; r < rows; ++r) {
        others.clear();
        for (std::size_t o = 0; o < rows; ++o)
            if (o != r && gram[r * rows + o] > least_cosine) others.emplace_back(-gram[r * rows + o], static_cast<std::int16_t>(o));
        std::sort(others.begin(), others.end());
        for (std::size_t k = 0; k < count; ++k) out[r * count + k] = k < others.size() ? others[k].second : static_cast<std::int16_t>(r);
    }
    return out;
}

Matrices make_matrices(const GradientTable& gradients, const std::vector<Shell>& shells, const std::vector<Tissue>& tissues,
                       const std::vector<int>& lmax, const std::vector<Vec3d>& directions, std::size_t width) {
    Matrices out;
    std::vector<std::size_t> first;  // column of each tissue
    for (const int l : lmax) {
        first.push_back(out.unknowns);
        out.unknowns += static_cast<std::size_t>(sh_count(l));
    }
    const auto n = out.unknowns;
    out.width = width;

    Matrix forward(static_cast<std::size_t>(gradients.size()), n);
    for (std::size_t s = 0; s < shells.size(); ++s)
        for (std::size_t t = 0; t < tissues.size(); ++t) {
            const auto factors = convolution_factors(tissues[t].shells[s]);
            for (const auto volume : shells[s].volumes) {
                const auto v = static_cast<std::size_t>(volume);
                const auto basis = basis_of(gradients.directions[v]);
                for (int l = 0; l <= lmax[t] && l / 2 < static_cast<int>(factors.size()); l += 2)
                    for (int m = -l; m <= l; ++m) {
                        const auto c = static_cast<std::size_t>(sh_index(l, m));
                        forward(v, first[t] + c) = basis[c] * factors[static_cast<std::size_t>(l / 2)];
                    }
            }
        }

    Matrix normal = transposed_product(forward, forward);
    double largest = 0;
    for (std::size_t c = 0; c < n; ++c) largest = std::max(largest, normal(c, c));
    for (std::size_t c = 0; c < n; ++c) normal(c, c) += norm_fraction * largest;
    const Matrix l = cholesky(normal, 1e-14);
    if (l.values.empty()) throw InputError("the responses do not determine the FODs (a coefficient is too small to be divided by); lower --lmax");

    // FODs are constrained along every direction, isotropic tissues once.
    std::size_t rows = 0;
    for (const int order : lmax) rows += order > 0 ? directions.size() : 1;
    Matrix amplitudes_t(n, rows);
    std::size_t row = 0;
    for (std::size_t t = 0; t < tissues.size(); ++t)
        for (std::size_t d = 0; d < (lmax[t] > 0 ? directions.size() : 1); ++d, ++row) {
            const auto basis = basis_of(directions[d]);
            for (std::size_t c = 0; c < static_cast<std::size_t>(sh_count(lmax[t])); ++c) amplitudes_t(first[t] + c, row) = basis[c];
        }
    const Matrix b_t = forward_solve(l, amplitudes_t);  // B^T = L^-1 A^T
    out.constraints = (rows + 63) / 64 * 64;
    if (out.constraints > kernels::csd_max_directions)
        throw InputError(fmt::format("{} constraint directions are too many (at most {} for all tissues together); use a smaller set", directions.size(), kernels::csd_max_directions));
    out.constraint.assign(out.constraints * out.width, 0.0);
    Matrix unit_t(n, out.constraints);
    for (std::size_t r = 0; r < rows; ++r) {
        double length = 0;
        for (std::size_t c = 0; c < n; ++c) length += b_t(c, r) * b_t(c, r);
        length = kernels::sqrt(length);
        for (std::size_t c = 0; c < n; ++c)
            out.constraint[r * out.width + c] = unit_t(c, r) = b_t(c, r) / length;
    }

    out.constraint_t.assign(unit_t.values.begin(), unit_t.values.end());
    out.gram = transposed_product(unit_t, unit_t).values;
    out.gram_f.assign(out.gram.begin(), out.gram.end());
    out.near = nearest_rows(out.gram, out.constraints);

    Matrix forward_t(n, forward.rows), identity(n, n);
    for (std::size_t v = 0; v < forward.rows; ++v)
        for (std::size_t c = 0; c < n; ++c) forward_t(c, v) = forward(v, c);
    for (std::size_t c = 0; c < n; ++c) identity(c, c) = 1;
    const Matrix project = forward_solve(l, forward_t), recover = backward_solve(l, identity);  // x = L^-T y
    out.project.assign(forward.rows * out.width, 0.0);
    out.recover.assign(n * out.width, 0.0);
    for (std::size_t v = 0; v < forward.rows; ++v)
        for (std::size_t c = 0; c < n; ++c) out.project[v * out.width + c] = project(c, v);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t c = 0; c < n; ++c) out.recover[j * out.width + c] = recover(c, j);
    return out;
}

/// Calls body(std::integral_constant<int, capacity>) for the smallest size that the kernel is compiled for; one value of a row is spare.
template <class Body>
void with_capacity(int unknowns, const Body& body) {
    if (unknowns < 48) return body(std::integral_constant<int, 48>{});  // lmax 8 and two isotropic tissues: 47 coefficients
    if (unknowns < 96) return body(std::integral_constant<int, 96>{});  // lmax 12 and two isotropic tissues: 93
    throw InputError(fmt::format("the tissues have {} coefficients together, more than the 95 that fit; lower --lmax", unknowns));
}

}  // namespace

MsmtResult estimate_msmt_fod(const Series& dwi, const GradientTable& gradients, const Mask& mask, const std::vector<Tissue>& tissues,
                             const MsmtOptions& options, const Device& device, Progress& progress) {
    require_consistent(dwi, gradients, mask);
    const auto voxels = voxels_inside(mask, "the mask");
    const auto shells = find_shells(gradients);
    require_responses(tissues, shells);
    MsmtResult out;
    out.lmax = choose_lmax(tissues, options.lmax);
    const auto directions = options.directions.empty() ? repelled_directions(default_directions) : options.directions;
    int unknowns = 0, width = 0;
    for (const int l : out.lmax) unknowns += sh_count(l);
    with_capacity(unknowns, [&](auto capacity) { width = capacity; });
    const auto matrices = make_matrices(gradients, shells, tissues, out.lmax, directions, static_cast<std::size_t>(width));
    for (const int l : out.lmax) out.fods.emplace_back(dwi.grid, sh_count(l));

    const auto n = static_cast<std::int64_t>(voxels.size());
    const auto chunk = chunk_size(options.chunk, voxels, device);
    const Buffer<double> project(device, matrices.project), constraint(device, matrices.constraint), gram(device, matrices.gram), recover(device, matrices.recover);
    const Buffer<float> constraint_t(device, matrices.constraint_t), gram_f(device, matrices.gram_f);
    const Buffer<std::int16_t> near(device, matrices.near);
    const kernels::MsmtProblem problem{static_cast<int>(dwi.volumes),
                                       unknowns,
                                       static_cast<int>(matrices.constraints),
                                       options.max_iterations > 0 ? options.max_iterations : 10 * unknowns,
                                       project.data(),
                                       constraint.data(),
                                       constraint_t.data(),
                                       gram.data(),
                                       gram_f.data(),
                                       near.data(),
                                       recover.data()};
    VoxelRows signals(device, chunk, dwi.volumes), coefficients(device, chunk, unknowns);
    Buffer<kernels::CsdOutcome> device_outcomes(device, static_cast<std::size_t>(chunk));
    std::vector<kernels::CsdOutcome> outcomes(static_cast<std::size_t>(chunk));
    const auto volumes = volumes_of_shells(gradients, {});
    progress.begin("estimating multi-tissue FODs", n, "voxels");
    with_capacity(unknowns, [&](auto capacity) {
        const kernels::EstimateMsmt<capacity> estimate{problem, signals.const_view(), coefficients.view(), device_outcomes.data()};
        in_chunks(voxels, chunk, progress, [&](std::span<const std::int64_t> here, std::int64_t count) {
            signals.gather(dwi, volumes, here);
            launch(device, count, estimate, 16);
            coefficients.download(count);
            device_outcomes.download(std::span(outcomes).first(here.size()));
            std::int64_t column = 0;
            for (auto& fod : out.fods) {
                coefficients.scatter(fod, column, here);
                column += fod.volumes;
            }
            out.not_converged += std::count(outcomes.begin(), outcomes.begin() + count, kernels::CsdOutcome::not_converged);
            out.skipped += std::count(outcomes.begin(), outcomes.begin() + count, kernels::CsdOutcome::skipped);
        });
    });
    progress.end();
    return out;
}

}  // namespace arcuate::dwi
