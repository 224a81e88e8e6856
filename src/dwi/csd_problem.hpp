// What the voxels of one spherical deconvolution share: matrices made once on the host, held on the device.
#pragma once

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fod.hpp"
#include "backend/buffer.hpp"
#include "kernels/csd.hpp"

#include <fmt/format.h>

#include <type_traits>

namespace arcuate::dwi {

inline constexpr int max_fod_lmax = 12, default_fod_lmax = 8;

/// Calls body(std::integral_constant<int, lmax>) for one of the orders that are chosen where none is asked for.
template <class Body>
void with_default_lmax(int lmax, const Body& body) {
    if (lmax == 2) return body(std::integral_constant<int, 2>{});
    if (lmax == 4) return body(std::integral_constant<int, 4>{});
    if (lmax == 6) return body(std::integral_constant<int, 6>{});
    if (lmax == 8) return body(std::integral_constant<int, 8>{});
    throw InputError(fmt::format("lmax {} is not available for FODs (it is even, from 2 to 12); choose one of these", lmax));
}

/// Calls body(std::integral_constant<int, lmax>) for one of the orders that kernels are compiled for.
template <class Body>
void with_lmax(int lmax, const Body& body) {
    if (lmax == 10) return body(std::integral_constant<int, 10>{});
    if (lmax == 12) return body(std::integral_constant<int, 12>{});
    with_default_lmax(lmax, body);
}

/// The order to fit: the option's, or the response's up to default_fod_lmax. Throws InputError where the response has fewer orders than asked for.
int fod_lmax(const Response& response, const FodOptions& options);

/// Rotational harmonics: what each order of the FOD is multiplied by to give the signal's, r_l / Y_l0(z).
std::vector<double> convolution_factors(const Response& response);

/// Host side of kernels::CsdProblem; shapes as there.
struct CsdMatrices {
    int width = 0;               ///< of a row
    int unpadded = 0, directions = 0;
    double threshold = 0, uncertainty = 0;
    std::vector<double> forward, initial, constraint, normal, normal_all;
    std::vector<float> constraint_t;
};

/// `shell_directions`: of the shell's volumes, unit. Throws InputError where the response cannot be deconvolved or the directions determine nothing.
template <int Lmax>
CsdMatrices make_csd_matrices(const std::vector<Vec3d>& shell_directions, const Response& response, const FodOptions& options);

extern template CsdMatrices make_csd_matrices<2>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
extern template CsdMatrices make_csd_matrices<4>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
extern template CsdMatrices make_csd_matrices<6>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
extern template CsdMatrices make_csd_matrices<8>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
extern template CsdMatrices make_csd_matrices<10>(const std::vector<Vec3d>&, const Response&, const FodOptions&);
extern template CsdMatrices make_csd_matrices<12>(const std::vector<Vec3d>&, const Response&, const FodOptions&);

/// The matrices on a device.
template <int Lmax>
class DeviceCsd {
  public:
    DeviceCsd(const Device& device, const std::vector<Vec3d>& shell_directions, const Response& response, const FodOptions& options)
        : host_(make_csd_matrices<Lmax>(shell_directions, response, options)), volumes_(static_cast<int>(shell_directions.size())),
          max_iterations_(options.max_iterations), forward_(device, host_.forward), initial_(device, host_.initial),
          constraint_(device, host_.constraint), constraint_t_(device, host_.constraint_t), normal_(device, host_.normal),
          normal_all_(device, host_.normal_all) {}

    kernels::CsdProblem<Lmax> problem() const {
        return {volumes_,        host_.unpadded,  host_.directions,   max_iterations_,      host_.threshold, host_.uncertainty,
                forward_.data(), initial_.data(), constraint_.data(), constraint_t_.data(), normal_.data(),  normal_all_.data()};
    }

  private:
    CsdMatrices host_;
    int volumes_, max_iterations_;
    Buffer<double> forward_, initial_, constraint_;
    Buffer<float> constraint_t_;
    Buffer<double> normal_, normal_all_;
};

}  // namespace arcuate::dwi
