// Anatomically constrained tractography (Smith, Tournier, Calamante & Connelly 2012, NeuroImage 62:1924): where tissue lets a streamline end.
#pragma once

#include "kernels/tissues.hpp"

namespace arcuate::kernels {

/// Why a half of a streamline ended. The same order as tracking/track.hpp's Stop; a source file asserts it.
enum class HalfEnd : std::uint8_t {
    exit_image, exit_mask, calibrator, model, high_curvature, length_exceeded, enter_cgm, enter_csf, exit_sgm, term_in_sgm, enter_exclude,
    traverse_all_include, no_room, not_tracked
};
inline constexpr HalfEnd goes_on = HalfEnd::not_tracked;

/// What a streamline remembers of the tissue that it has seen.
struct ActState {
    std::int32_t sgm_depth = 0;       ///< vertices since it entered sub-cortical grey matter, in this half
    bool seed_in_sgm : 1 = false;
    bool left_seed_sgm : 1 = false;   ///< a half has gone from the seed's sub-cortical grey to other tissue
    std::int32_t seed_sgm = 0;        ///< vertices of the half that did so up to there, the seed included; 0 in the other half
    bool in_pathology : 1 = false;
};

struct Act {
    TissueImage image;  ///< no fractions: no constraints
    bool backtrack;     ///< cut the end of a streamline that ends badly, and try again
    bool crop;          ///< end streamlines exactly on the grey-white interface

    ARCUATE_HD bool on() const { return image.fractions != nullptr; }

    /// False where no streamline may start: in CSF, and in the cortex, where streamlines end, but for its border with white matter.
    ARCUATE_HD bool accepts_seed(Vec3 p, ActState& state) const {
        const Tissues t = image.at(p);
        if (!t.valid || t.is_csf() || (t.is_gm() && t.cgm >= t.sgm && grey_minus_white(t) > interface_tolerance)) return false;
        state = {};
        state.seed_in_sgm = t.is_gm() && t.sgm > t.cgm;
        state.sgm_depth = state.seed_in_sgm ? 1 : 0;
        state.in_pathology = t.is_path();
        return true;
    }

    /// A seed on the cortical side of the border is tracked to one side: the one with more white matter, a quarter voxel on. Turns `direction` that way.
    ARCUATE_HD bool one_sided(Vec3 p, Vec3& direction) const {
        const Tissues t = image.at(p);
        if (t.wm >= t.gm() || t.sgm >= t.cgm) return false;
        const float reach = 0.25f * image.voxel_mm;
        const Tissues ahead = image.at(fma(reach, direction, p)), behind = image.at(fma(-reach, direction, p));
        const auto grey = [](const Tissues& x) { return x.valid ? grey_minus_white(x) : infinity; };
        if (grey(behind) < grey(ahead)) direction = -direction;
        return true;
    }

    /// The tissue at a new vertex, as much as at() asks for: so few bits that one thread can tell others.
    enum Seen : unsigned { known = 1, fluid = 2, grey_matter = 4, cortical = 8, pathological = 16 };
    ARCUATE_HD unsigned seen(Vec3 p) const {
        const Tissues t = image.at_step(p);
        return !t.valid ? 0u : known | (t.is_csf() ? fluid : 0u) | (t.is_gm() ? grey_matter : 0u) | (t.cgm >= t.sgm ? cortical : 0u) | (t.is_path() ? pathological : 0u);
    }

    /// What the tissue at a new vertex means.
    ARCUATE_HD HalfEnd at(unsigned tissue, ActState& state) const {
        state.in_pathology = tissue & pathological;
        if (!(tissue & known)) return HalfEnd::exit_image;
        if (tissue & fluid) return HalfEnd::enter_csf;
        if (tissue & grey_matter) {
            if (tissue & cortical) return HalfEnd::enter_cgm;
            ++state.sgm_depth;
        } else if (state.sgm_depth > 0) {
            if (!state.seed_in_sgm || state.left_seed_sgm) return HalfEnd::exit_sgm;
            state.left_seed_sgm = true;
            state.seed_sgm = state.sgm_depth;
            state.sgm_depth = 0;
        }
        return goes_on;
    }

    /// The end as the tissue around it lets it count; sets `bad` where the streamline may not end so.
    ARCUATE_HD HalfEnd judged(HalfEnd end, const ActState& state, bool& bad) const {
        switch (end) {
            case HalfEnd::calibrator:
            case HalfEnd::model:
            case HalfEnd::high_curvature:
                if (state.sgm_depth > 0) return HalfEnd::term_in_sgm;
                bad = !state.in_pathology;
                return end;
            case HalfEnd::enter_csf:
                if (state.sgm_depth > 0) return HalfEnd::exit_sgm;
                bad = true;
                return end;
            case HalfEnd::length_exceeded: bad = true; return end;
            default: return end;
        }
    }

    /// The interface between a vertex in white matter and the next in grey, by bisection.
    ARCUATE_HD Vec3 crossing(Vec3 white, Vec3 grey) const {
        for (int i = 0; i < 24; ++i) {
            const Vec3 middle = fma(0.5f, grey - white, white);
            const float difference = grey_minus_white(image.at(middle));
            if (abs(difference) < interface_tolerance) return middle;
            if (difference > 0.0f) grey = middle;
            else white = middle;
        }
        return grey;
    }
};

}  // namespace arcuate::kernels
