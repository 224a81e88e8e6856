#include "arcuate/dwi/tissue_response.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "backend/launch.hpp"
#include "dwi/otsu.hpp"
#include "dwi/peak_search.hpp"
#include "dwi/shell.hpp"
#include "dwi/shell_response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>

namespace arcuate::dwi {

namespace {

using Voxels = std::vector<std::int64_t>;  ///< ascending

constexpr float largest_decay = 10;       ///< noise alone is left of a signal that decayed by e^10
constexpr double mad_to_sigma = 1.4826;   ///< of a normal distribution
constexpr double outlier_sigmas = 2;      ///< white matter that decays faster than this is none
constexpr double sqrt_4pi = 3.5449077018110318;

/// ln(S0 / S) of every voxel, averaged over the diffusion-weighted volumes' shells; 0 where it does not exist.
struct Decay {
    std::vector<double> of;  ///< by voxel
    Voxels voxels;           ///< where it does
};

Decay signal_decay(const Series& dwi, const std::vector<Shell>& shells, const Voxels& voxels) {
    Decay out;
    out.of.assign(static_cast<std::size_t>(dwi.grid.voxels()), 0.0);
    std::vector<double> zero(voxels.size()), decay(voxels.size(), 0.0), sum(voxels.size());
    std::vector<std::uint8_t> bad(voxels.size(), 0);
    double volumes = 0;
    for (std::size_t s = 0; s < shells.size(); ++s) {
        const auto n = static_cast<double>(shells[s].volumes.size());
        std::fill(sum.begin(), sum.end(), 0.0);
        dwi.visit([&](const auto& read) {
            for (const auto k : shells[s].volumes)
                for (std::size_t i = 0; i < voxels.size(); ++i) {
                    const float value = read(voxels[i], k);
                    if (!kernels::is_finite(value)) bad[i] = 1;
                    else sum[i] += static_cast<double>(std::max(value, 0.0f));
                }
        });
        if (s > 0) volumes += n;
        for (std::size_t i = 0; i < voxels.size(); ++i) {
            const double mean = sum[i] / n;
            if (!(mean > 0)) bad[i] = 1;
            if (bad[i]) continue;
            if (s == 0) zero[i] = mean;
            else decay[i] += n * static_cast<double>(kernels::log(static_cast<float>(zero[i] / mean)));
        }
    }
    for (std::size_t i = 0; i < voxels.size(); ++i) {
        const double d = decay[i] / volumes;
        if (bad[i] || !(d > 0)) continue;
        out.of[static_cast<std::size_t>(voxels[i])] = std::min(d, static_cast<double>(largest_decay));
        out.voxels.push_back(voxels[i]);
    }
    return out;
}

/// Those that satisfy the condition, and the rest.
template <class Condition>
std::pair<Voxels, Voxels> split(const Voxels& voxels, const Condition& condition) {
    std::pair<Voxels, Voxels> out;
    for (const auto v : voxels) (condition(v) ? out.first : out.second).push_back(v);
    return out;
}

template <class Value>
std::vector<double> values_at(const Voxels& voxels, const Value& value) {
    std::vector<double> out;
    for (const auto v : voxels) out.push_back(value(v));
    return out;
}

void require_some(const Voxels& voxels, const std::string& tissue, const std::string& what_to_do) {
    if (voxels.empty()) throw InputError(fmt::format("no voxel looks like {}; {}", tissue, what_to_do));
}

/// The `count` voxels of largest value, of equal ones the first; ascending.
template <class Value>
Voxels highest(Voxels voxels, std::size_t count, const Value& value) {
    std::stable_sort(voxels.begin(), voxels.end(), [&](auto a, auto b) { return value(a) > value(b); });
    voxels.resize(std::min(voxels.size(), count));
    std::sort(voxels.begin(), voxels.end());
    return voxels;
}

/// A share of them, to the nearest, at least one.
std::size_t share(const Voxels& voxels, double percent) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(voxels.size()) * percent / 100 + 0.5));
}

Mask mask_of(const Grid& grid, const Voxels& voxels) {
    Mask out(grid, 1, 0);
    for (const auto v : voxels) out.at(v) = 1;
    return out;
}

struct Segmentation {
    Voxels wm, gm, csf;
};

/// By anisotropy and decay, then without what lies between tissues.
Segmentation segment(const Decay& decay, const ScalarImage& fa, double fa_threshold) {
    const auto sdm = [&](std::int64_t v) { return decay.of[static_cast<std::size_t>(v)]; };
    // Crude: white matter is anisotropic; of the rest, CSF decays fast.
    const auto [crude_wm, other] = split(decay.voxels, [&](auto v) { return fa.at(v) > static_cast<float>(fa_threshold); });
    require_some(crude_wm, fmt::format("white matter (an FA above {})", fa_threshold), "check the gradient table, or lower the FA threshold");
    require_some(other, fmt::format("grey matter or CSF (an FA of {} or less)", fa_threshold), "check the mask, or raise the FA threshold");
    const double fast = otsu_threshold(values_at(other, sdm));
    const auto [crude_csf, crude_gm] = split(other, [&](auto v) { return sdm(v) > fast; });
    require_some(crude_csf, "CSF (the isotropic voxels all decay alike)", "check that the mask reaches it, or erode the mask less");

    Segmentation out;
    const double wm_median = median(values_at(crude_wm, sdm));
    const double wm_mad = median(values_at(crude_wm, [&](auto v) { return kernels::abs(sdm(v) - wm_median); }));
    Voxels outliers;
    std::tie(outliers, out.wm) = split(crude_wm, [&](auto v) { return sdm(v) > wm_median + mad_to_sigma * wm_mad * outlier_sigmas; });
    require_some(out.wm, "white matter", "check the gradient table, or lower the FA threshold");

    // Grey matter: on either side of its median, the class that lies nearer.
    const double gm_median = median(values_at(crude_gm, sdm));
    const auto [high, low] = split(crude_gm, [&](auto v) { return sdm(v) > gm_median; });
    for (const auto* side : {&high, &low}) {
        if (side->empty()) continue;
        const auto away = [&](std::int64_t v) { return kernels::abs(sdm(v) - gm_median); };
        const double far = otsu_threshold(values_at(*side, away));
        for (const auto v : *side)
            if (away(v) <= far) out.gm.push_back(v);
    }
    std::sort(out.gm.begin(), out.gm.end());
    require_some(out.gm, "grey matter", "check that the mask reaches it, or erode the mask less");

    // CSF: that which noise or a neighbour made anisotropic comes back, then the fast class alone stays.
    double slowest = sdm(crude_csf.front());
    for (const auto v : crude_csf) slowest = std::min(slowest, sdm(v));
    Voxels candidates = crude_csf;
    for (const auto v : outliers)
        if (sdm(v) > slowest) candidates.push_back(v);
    std::sort(candidates.begin(), candidates.end());
    const double pure = otsu_threshold(values_at(candidates, sdm));
    out.csf = split(candidates, [&](auto v) { return sdm(v) > pure; }).first;
    if (out.csf.empty()) out.csf = candidates;  // one voxel, or all alike
    return out;
}

/// How much of the signal's isotropic part the FOD's highest peak stands for, per voxel of the image; deconvolved with a sharp white-matter response
/// and that of CSF.
template <int Lmax>
ScalarImage single_fibre_metric(const Series& dwi, const GradientTable& gradients, const Voxels& voxels, const std::vector<Tissue>& tissues,
                                std::int64_t chunk, const Device& device, Progress& progress) {
    MsmtOptions options;
    options.lmax = {Lmax, 0};
    options.chunk = chunk;
    const auto fods = estimate_msmt_fod(dwi, gradients, mask_of(dwi.grid, voxels), tissues, options, device, progress);
    const PeakSearch<Lmax> search(device);
    chunk = chunk_size(chunk, voxels, device);
    VoxelRows rows(device, chunk, sh_count(Lmax)), peaks(device, chunk, kernels::PeakColumns::count);
    std::vector<std::int64_t> columns(static_cast<std::size_t>(sh_count(Lmax)));
    std::iota(columns.begin(), columns.end(), 0);
    ScalarImage out(dwi.grid, 1);
    in_chunks(voxels, chunk, silent(), [&](std::span<const std::int64_t> here, std::int64_t count) {
        rows.gather(fods.fods[0], columns, here);
        launch(device, count, search.kernel(rows, peaks), 16);
        peaks.download(count);
        for (std::int64_t i = 0; i < count; ++i) {
            const auto v = here[static_cast<std::size_t>(i)];
            const float sum = fods.fods[0].at(v) + fods.fods[1].at(v);
            if (sum > 0) out.at(v) = peaks.host_row(i)[kernels::PeakColumns::first] / sum;
        }
    });
    return out;
}

Voxels single_fibres(const Series& dwi, const GradientTable& gradients, const std::vector<Shell>& shells, const Voxels& wm, const Tissue& csf,
                     std::size_t count, std::int64_t chunk, const Device& device, Progress& progress) {
    std::vector<double> mean(wm.size(), 0.0);
    dwi.visit([&](const auto& read) {
        for (std::int64_t k = 0; k < dwi.volumes; ++k)
            for (std::size_t i = 0; i < wm.size(); ++i) mean[i] += static_cast<double>(read(wm[i], k));
    });
    for (double& m : mean) m /= static_cast<double>(dwi.volumes);
    const double size = median(mean) * sqrt_4pi;
    Tissue sharp{"wm", {}};  // a disc, of the size of the white matter's signal
    for (const auto& s : shells) sharp.shells.push_back(s.b_value <= b_zero_threshold ? Response{size} : Response{size, -size, size, -size});
    const auto coarse = single_fibre_metric<2>(dwi, gradients, wm, {sharp, csf}, chunk, device, progress);
    const auto likely = highest(wm, 2 * count, [&](auto v) { return coarse.at(v); });
    const auto fine = single_fibre_metric<6>(dwi, gradients, likely, {sharp, csf}, chunk, device, progress);
    return highest(likely, count, [&](auto v) { return fine.at(v); });
}

void require_options(const TissueResponseOptions& o) {
    for (const double percent : {o.wm_percent, o.gm_percent, o.csf_percent})
        if (!(percent > 0 && percent <= 100))
            throw InputError(fmt::format("{} percent of a tissue's voxels cannot be chosen; give more than 0 and at most 100", percent));
    if (o.erode < 0 || !(o.fa > 0)) throw InputError("erosions cannot be negative and the FA threshold is above 0; check these options");
}

}  // namespace

TissueResponses estimate_tissue_responses(const Series& dwi, const GradientTable& gradients, const Mask& mask, const TissueResponseOptions& options,
                                          const Device& device, Progress& progress) {
    require_consistent(dwi, gradients, mask);
    require_options(options);
    largest_shell(gradients);
    const auto shells = find_shells(gradients);
    if (shells.front().b_value > b_zero_threshold)
        throw InputError(fmt::format("there is no b = 0 volume (the smallest b-value is {:.0f} s/mm2) to measure the signal's decay from; include one",
                                     shells.front().b_value));
    const auto inside = voxels_inside(eroded(mask, options.erode), fmt::format("the mask after {} erosions", options.erode));
    const auto decay = signal_decay(dwi, shells, inside);
    if (decay.voxels.empty())
        throw InputError("no voxel of the mask has a signal that decays with b (they are zero, not finite, or grow); check the image and the b-values");
    TensorOptions tensor;
    tensor.chunk = options.chunk;
    const auto maps = fit_tensor(dwi, gradients, mask_of(dwi.grid, decay.voxels), tensor, device, progress);
    const auto tissue = segment(decay, maps.fa, options.fa);

    const auto sdm = [&](std::int64_t v) { return decay.of[static_cast<std::size_t>(v)]; };
    const double gm_median = median(values_at(tissue.gm, sdm));
    const auto csf_voxels = highest(tissue.csf, share(tissue.csf, options.csf_percent), sdm);
    const auto gm_voxels = highest(tissue.gm, share(tissue.gm, options.gm_percent), [&](auto v) { return -kernels::abs(sdm(v) - gm_median); });
    Tissue wm{"wm", {}}, gm{"gm", {}}, csf{"csf", {}};
    for (const auto& s : shells) {
        gm.shells.push_back(fit_isotropic(dwi, s.volumes, gm_voxels));
        csf.shells.push_back(fit_isotropic(dwi, s.volumes, csf_voxels));
    }
    const auto wm_voxels = single_fibres(dwi, gradients, shells, tissue.wm, csf, share(tissue.wm, options.wm_percent), options.chunk, device, progress);
    std::vector<FibreVoxel> fibres;
    for (const auto v : wm_voxels) fibres.push_back({v, {maps.v1.at(v, 0), maps.v1.at(v, 1), maps.v1.at(v, 2)}});
    for (const auto& s : shells) wm.shells.push_back(fit_fibres(dwi, gradients, s.volumes, fibres, s.b_value <= b_zero_threshold ? 0 : options.lmax));

    TissueResponses out;
    for (const auto& s : shells) out.b_values.push_back(s.b_value);
    out.tissues = {wm, gm, csf};
    for (const auto* v : {&tissue.wm, &tissue.gm, &tissue.csf}) out.refined.push_back(mask_of(dwi.grid, *v));
    for (const auto* v : {&wm_voxels, &gm_voxels, &csf_voxels}) out.voxels.push_back(mask_of(dwi.grid, *v));
    return out;
}

}  // namespace arcuate::dwi
