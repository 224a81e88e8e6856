// Weights of streamlines, so that together they account for the fibre density of every fixel: SIFT2.
#pragma once

#include "arcuate/backend/device.hpp"
#include "arcuate/core/fixels.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/tractogram.hpp"

#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace arcuate::weights {

/// Gives the same streamlines in the same order whenever it is called: a file read again, or a tracker run again.
using StreamlineSource = std::function<void(StreamlineSink&)>;

/// How far each streamline goes in each fixel: exact lengths of its polyline in voxels, given to the fixel that the chord of its stay in the voxel points
/// along. Kept on the device in 4 bytes per streamline and fixel, and 4 per streamline.
class FixelLengths : public StreamlineSink {
  public:
    /// Throws InputError for more than 2^24 fixels. `fixels` is needed no longer than this call. `chunk`: streamlines per launch; does not change a byte.
    /// `memory`: bytes that the lengths may take; those of the first streamlines are kept as far as it goes. 0: for track_density() alone.
    FixelLengths(const Fixels& fixels, const Device& device, std::int64_t chunk = 1 << 15, std::int64_t memory = std::numeric_limits<std::int64_t>::max());
    ~FixelLengths() override;
    void append(const TractogramView& streamlines) override;
    const Device* reads_on() const override;

    std::int64_t streamlines() const;
    /// Streamlines whose lengths are kept, from the first on.
    std::int64_t kept() const;
    /// Streamlines and fixels that meet.
    std::int64_t pairs() const;
    /// Device memory that the kept ones take.
    std::int64_t bytes() const;
    /// (n_fixels) summed length of all streamlines [mm]: exact, for any order of streamlines.
    std::vector<double> track_density() const;
    /// The same sums in whole units of length, which another FixelLengths of the same fixels can go on from.
    std::vector<std::int64_t> sums() const;
    void go_on_from(std::span<const std::int64_t> sums);

    struct Impl;
    const Impl& impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

/// As tcksift2's, with its defaults.
struct Sift2Options {
    double reg_tikhonov = 0;      ///< weight of the squares of the coefficients
    double reg_tv = 0.1;          ///< weight of their (asymmetric) variation within fixels
    double min_td_frac = 0.1;     ///< fixels with less of their fibre density tracked than this count for the cost, but streamlines do not look at them
    double fd_thresh = 0;         ///< fixels of less fibre density than this take no part, nor do they count for mu
    bool remove_untracked = false;  ///< fixels without streamlines count neither for the cost nor for mu
    int min_iters = 10;
    int max_iters = 0;            ///< 0: no limit
    double min_coeff = -std::numeric_limits<double>::infinity();  ///< a streamline whose coefficient falls below gets a weight of 0
    double max_coeff = std::numeric_limits<double>::infinity();
    double max_coeff_step = 1;    ///< largest change of a coefficient in an iteration
    double min_cf_decrease = 2.5e-5;  ///< of the cost function, relative to its value where all weights are 1; with less the iteration ends
    bool linear = false;          ///< one pass instead of the fit: a weight is the mean along the streamline of FD / (mu TD). Only the bounds of coefficients count
    std::vector<float> coefficients{};   ///< (n_streamlines) where to begin; empty: all 0
    std::vector<float> voxel_weights{};  ///< (voxels) weights of the voxels' fixels in the cost, 0 to 1; empty: all 1
};

/// After an iteration; the first is the beginning, with all coefficients 0.
struct Sift2Iteration {
    double cost_data = 0, cost_tikhonov = 0, cost_tv = 0;
    std::int64_t streamlines = 0;  ///< with a weight above 0
    struct Spread {
        double min = 0, mean = 0, mean_abs = 0, variance = 0, max = 0;
    };
    Spread step, coefficient;       ///< over streamlines with a weight above 0
    double coefficient_norm = 0;    ///< sum of squares

    double cost() const { return cost_data + cost_tikhonov + cost_tv; }
};

struct Sift2Result {
    std::vector<float> coefficients;  ///< (n_streamlines) F; -infinity where the weight is 0. A streamline in no fixel that takes part keeps 0 (a weight of 0 if `linear`)
    double mu = 0;                    ///< fibre density per mm of streamline: sum of fibre densities / sum of track densities
    std::vector<Sift2Iteration> iterations;
    std::vector<double> track_density;   ///< (n_fixels) with the weights [mm]
    std::vector<float> fixel_weight;     ///< (n_fixels) in the cost
    std::int64_t untracked = 0;   ///< fixels without streamlines
    std::int64_t excluded = 0;    ///< fixels with streamlines that min_td_frac excludes

    /// e^F of every streamline.
    std::vector<float> weights() const;
};

/// Minimises sum over fixels of weight (mu TD - FD)^2 + A (reg_tikhonov sum F^2 + reg_tv sum over streamlines of the mean along each of
/// (F - m)^2 where F < m, (e^F - e^m)^2 elsewhere), with m the fixel's mean coefficient and A the summed squares of fibre density per streamline.
/// `again` is needed where `lengths` does not keep those of all streamlines: it is called for every iteration, and the result is the same. Beside the lengths, 12 bytes per
/// streamline are held.
/// Throws InputError where there is no streamline, or none meets a fixel.
Sift2Result sift2(const Fixels& fixels, const FixelLengths& lengths, const Sift2Options& options, const Device& device, Progress& progress = silent(),
                  const StreamlineSource& again = {});

/// A subject's sessions, whose streamlines are the same (tracked once) and whose fibre densities are those in the fixels of the sessions' mean FOD
/// (dwi::fibre_density_of, so that no fixel comes or goes from one session to the next).
enum class SessionWeights {
    each,  ///< every session's own fit, from coefficients of 0, with the mean's mu
    joint  ///< the mean's fit, F, and for every session the change from it, D, that its difference in fibre density asks for
};

struct SessionOptions {
    SessionWeights weights = SessionWeights::joint;
    Sift2Options sift2{};            ///< of the mean and, for `each`, of every session; `coefficients` are where the mean begins. Not linear
    double reg_change = 0.01;        ///< joint: weight of the squares of the changes
    double reg_change_tv = 1;        ///< joint: weight of their variation within fixels
};

struct SessionResult {
    Sift2Result mean;
    std::vector<Sift2Result> sessions;  ///< mu, fixel_weight, untracked and excluded are the mean's; coefficients are F + D where joint, whose iterations tell of D
};

/// `fibre_density`: (sessions, n_fixels), in the unit of `fixels`, which are the mean's. Joint weights minimise, per session s,
///   sum over fixels of weight (mu (TD(F + D) - TD(F)) - (FD_s - FD))^2 + A (reg_change sum D^2 + reg_change_tv variation of D, as in sift2),
/// so that what the mean's fit leaves unexplained changes no session, and an error of one fixel that no other along the streamlines shares hardly any.
/// Changes are relative to `mean`: where all sessions are alike, all weights are the mean's. Throws as sift2, and for numbers of fixels that differ.
SessionResult sift2_of_sessions(const Fixels& fixels, std::span<const std::vector<float>> fibre_density, const FixelLengths& lengths, const SessionOptions& options,
                                const Device& device, Progress& progress = silent(), const StreamlineSource& again = {});

}  // namespace arcuate::weights
