// From streamlines to the connections between regions.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/connectome.hpp"
#include "arcuate/core/image.hpp"
#include "arcuate/core/tractogram.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace arcuate::connectome {

/// Which regions a streamline connects: tck2connectome's ways.
enum class Assignment {
    radial_search,   ///< at each end the region of the nearest labelled voxel centre strictly closer than search_mm; of centres at the same distance
                     ///< the one of the lowest voxel index (x fastest)
    end_voxels,      ///< at each end the region of its voxel
    reverse_search,  ///< from each end inwards the first vertex with a region, for search_mm at most (0: to the middle)
    forward_search,  ///< beyond each end, in a cone of 45 degrees around its tangent, the cheapest way to a region within search_mm
    all_voxels,      ///< every region with a vertex in it; all pairs of them, and each with itself
};

/// For options and messages: "radial-search", ...
struct AssignmentName {
    Assignment way;
    const char* name;
};
inline constexpr AssignmentName assignment_names[] = {{Assignment::radial_search, "radial-search"},   {Assignment::end_voxels, "end-voxels"},
                                                      {Assignment::reverse_search, "reverse-search"}, {Assignment::forward_search, "forward-search"},
                                                      {Assignment::all_voxels, "all-voxels"}};

/// A number for each streamline, in their order; NaN where it has none.
struct StreamlineValues {
    std::string name;
    std::vector<float> values;
};

struct ConnectomeOptions {
    Assignment assignment = Assignment::radial_search;
    double search_mm = 4;          ///< reach of the radial, reverse and forward search
    std::vector<std::string> metrics{};  ///< beside the count, as metric_names() has them; empty: weight, mean_length and the maps' means
    bool precise = false;          ///< maps: each voxel's value times the length in it, instead of interpolation at the vertices
    bool errors = false;           ///< beside every metric M its M_sampling_se; up to 72 bytes and more per edge and metric
    bool vector = false;           ///< a value per region instead of per pair, for streamlines that begin at one place: the region of the last end alone counts
    bool zero_diagonal = false;    ///< leave out what connects a region with itself
    bool keep_assignments = false; ///< for assignments(); 8 bytes and more per streamline
    std::int64_t chunk = 1 << 16;  ///< streamlines per launch; does not change a byte
    std::vector<float> weights{};  ///< of the streamlines, in their order (SIFT2); empty: all 1
    double mu = 0;                 ///< of the weights (weights::Sift2Result): what the fibre bundle capacity needs; 0: unknown
    std::vector<StreamlineValues> values{};  ///< for metrics of their names
};

/// A map to sample along streamlines.
struct ScalarMap {
    std::string name;  ///< "fa", "md", ...
    std::string unit;
    ScalarImage image;  ///< one volume, on any grid of the same world; of directions three for each, x, y and z in scanner coordinates, of any length, 0 or NaN where there is none
    bool directions = false;  ///< peaks of FODs, main directions of tensors: what is sampled is how far they agree with the streamline
};

/// The metrics that there are for these maps, the usual ones first:
///   count            streamlines
///   weight           sum of their weights, where there are weights
///   fibre_bundle_capacity  mu x weight, where mu is known: fibre density x cross-section / voxel volume [1/mm], which compares between sessions and
///                    subjects of one response and voxel size (Smith, Raffelt, Tournier & Connelly 2020, doi 10.31219/osf.io/c67kn)
///   mean_length      [mm]
///   inverse_length   sum of 1 / length [1/mm]
///   inverse_volume   sum of 2 / (V1 + V2), V the regions' sizes [1/voxel]
///   density          sum of 2 / (length (V1 + V2)) (Hagmann et al. 2008, PLoS Biol 6:e159)
///   mean_M, median_M, min_M, max_M   mean over streamlines of the map M's mean, median, least and greatest value along each
///   D, D_spread      of directions D: mean over streamlines of the length-weighted mean of |cos| between each and the best aligned direction of its voxel, and
///                    of the standard deviation of that along each
///   mean_V           mean over streamlines of the values V
/// and, for every one but the first two, with another statistic over streamlines in front: sum_length, max_mean_M, mean_inverse_length, sd_D, ...; and
/// with values V, V times the quantity: mean_V_length, V_inverse_length, V_inverse_volume, V_density.
/// `usual`: without the latter two.
std::vector<std::string> metric_names(const std::vector<ScalarMap>& maps, bool weighted, bool usual, double mu = 0, std::span<const StreamlineValues> values = {});

/// After the name of a metric, that of its sampling error.
inline constexpr const char* sampling_error_suffix = "_sampling_se";

/// Regions of every streamline: those of streamline s are labels[offsets[s]] to labels[offsets[s + 1]]; two, 0 for none, unless all voxels count.
struct Assignments {
    std::vector<std::uint64_t> offsets{0};
    std::vector<std::int32_t> labels;
};

/// Accumulates edges as streamlines arrive, of any number of parcellations at once; the tractogram need not be stored. Neither chunks nor threads nor
/// the order of streamlines change a byte.
///
/// Soft.     In a soft parcellation ends find voxels that have a region as they find labels in others; a streamline whose ends have the shares p and q belongs to
///           the edge of k and l with p_k q_l + p_l q_k, to that of k with itself with p_k q_k, and with what is left of 1 to those of no region. That share
///           multiplies its weight, and its count. Extremes are over all streamlines with a share above 0. Its regions, for assignments(), are those of the
///           largest shares.
/// Edges.    A streamline with both ends in one region counts once, on the diagonal. One with a vertex that is not finite, or longer than 4096 mm,
///           has no region.
/// Weights.  Sums are of weight x quantity and means are weighted; count stays a count, and extremes are of the streamlines as they are.
/// Deviation. sd_ is the sample standard deviation over streamlines, sqrt(sum of w (x - M)^2 / (sum of w - sum of w^2 / sum of w)); without weights s.
/// Volumes.  Those of both ends' regions also in a vector, of the background where one has none. Where all voxels count, 2 / (V1 + V2) is n / (V1 + ... + Vn) over the n regions of the streamline.
/// Along.    Trilinear interpolation at the vertices; in means a vertex weighs half of each adjacent segment, in medians each weighs the same. Vertices
///           outside the map or beside a voxel that is not finite are left out; a streamline with none left does not enter the edge's statistic. Directions
///           are those of the voxel that it passes through, always: their signs mean nothing and neighbours list theirs in another order, so that nothing
///           can be interpolated.
///           `precise`: the values of the voxels that it passes through, weighted by the length in each; the median is the least value up to which
///           lies half of the length.
/// Sums.     Wide fixed point (kernels/fixed_point.hpp), each streamline's term rounded once, by 2^-63 of the largest that there can be; up to 2^31
///           streamlines. 1 / length is undefined below 2^-10 mm.
/// Errors.   The sampling error is the standard error that follows from the finite number of streamlines, as if each were drawn anew and independently,
///           their number and their weights given: of a sum over N streamlines of x (0 where a streamline is not in the edge) sqrt(N / (N - 1) (sum of x^2 -
///           (sum of x)^2 / N)), which for a count is the binomial's; of a mean M of n streamlines' x with weights w the linearised one of a ratio (Cochran 1977,
///           Sampling Techniques, 6.3), sqrt(sum of w^2 (x - M)^2 / ((sum of w)^2 - sum of w^2)), without weights s / sqrt(n). A mean of fewer than two
///           streamlines has none, nor have extremes and standard deviations. Noise of the measurement is not in it, nor is what seeds at fixed places or dynamic ones do.
class ConnectomeBuilder : public StreamlineSink {
  public:
    /// Throws InputError for a map of several volumes, two maps of one name, a metric that there is not, a reach that is not above zero, more than
    /// 20 000 regions, a soft parcellation where all voxels count. The parcellations are copied.
    ConnectomeBuilder(std::span<const Parcellation> parcellations, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options, const Device& device);
    ConnectomeBuilder(const Parcellation& parcellation, const std::vector<ScalarMap>& maps, const ConnectomeOptions& options, const Device& device)
        : ConnectomeBuilder(std::span(&parcellation, 1), maps, options, device) {}
    ~ConnectomeBuilder() override;
    void append(const TractogramView& streamlines) override;
    const Device* reads_on() const override;
    /// What has accumulated so far. `keep_unassigned`: a first node of label 0 stands for no region. The numbers of assigned streamlines are expected ones,
    /// rounded, of a soft parcellation.
    Connectome connectome(std::size_t parcellation = 0, bool keep_unassigned = false) const;
    /// Where keep_assignments was asked for.
    const Assignments& assignments(std::size_t parcellation = 0) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace arcuate::connectome
