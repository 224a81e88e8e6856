// The diffusion signal of one voxel that holds several bundles and isotropic tissue, with Rician noise.
//
// S(b, g) = S0 [ sum_k f_k exp(-b (radial_k + (axial_k - radial_k) (g . d_k)^2)) + (1 - sum_k f_k) exp(-b D) ]
// (compartments without exchange, each an axially symmetric tensor), then M = |S + sigma (n1 + i n2)| with n1, n2 standard normal
// (Gudbjartsson & Patz 1995, Magn Reson Med 34:910).
#pragma once

#include "kernels/philox.hpp"
#include "kernels/vec3.hpp"

namespace arcuate::kernels {

/// One bundle's share of a voxel.
struct FibreCompartment {
    float fraction;       ///< of the voxel's volume; 0: none
    Vec3 direction;       ///< unit, scanner frame
    std::int32_t bundle;  ///< row of `tensors`
};

struct Gradient {
    Vec3 direction;  ///< unit, scanner frame; zero for b=0
    float b;         ///< [s/mm2]
};

/// Diffusivities along and across the fibres [mm2/s].
struct AxialDiffusivities {
    float axial, radial;
    float density;  ///< what of a compartment's fraction is fibres; the rest is as between the bundles
};

struct SimulateSignal {
    const FibreCompartment* compartments;  ///< (n_voxels, n_compartments)
    int n_compartments;
    const float* s0;                       ///< (n_voxels)
    const Gradient* gradients;             ///< (n_volumes)
    int n_volumes;
    const AxialDiffusivities* tensors;     ///< (n_bundles)
    float isotropic;                       ///< diffusivity of the rest of the voxel [mm2/s]
    float sigma;                           ///< standard deviation of each channel's noise; 0: none
    std::uint64_t seed;
    std::uint32_t step;                    ///< address of the session's noise
    float* dwi;                            ///< (n_volumes, n_voxels)
    std::int64_t n_voxels;

    ARCUATE_HD void operator()(std::int64_t voxel) const {
        const FibreCompartment* const c = compartments + voxel * n_compartments;
        const Philox noise{seed, static_cast<std::uint64_t>(voxel), Purpose::noise, step};
        for (int v = 0; v < n_volumes; ++v) {
            const Gradient g = gradients[v];
            float sum = 0.0f, rest = 1.0f;
            for (int k = 0; k < n_compartments; ++k) {
                if (!(c[k].fraction > 0.0f)) break;
                const AxialDiffusivities t = tensors[c[k].bundle];
                const float along = dot(g.direction, c[k].direction);
                const float fibres = c[k].fraction * t.density;
                sum = fma(fibres, exp(-g.b * fma(t.axial - t.radial, along * along, t.radial)), sum);
                rest = rest - fibres;
            }
            const float signal = s0[voxel] * fma(max(rest, 0.0f), exp(-g.b * isotropic), sum);
            float magnitude = signal;
            if (sigma > 0.0f) {
                const Random4 r = noise(static_cast<std::uint32_t>(v));
                const Normal2 n = normal2(r.v[0], r.v[1]);
                const float real = fma(sigma, n.a, signal), imaginary = sigma * n.b;
                magnitude = sqrt(fma(real, real, imaginary * imaginary));
            }
            dwi[voxel + n_voxels * v] = magnitude;
        }
    }
};

}  // namespace arcuate::kernels
