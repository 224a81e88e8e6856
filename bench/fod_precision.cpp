// fod_precision FOD.nii.gz: the error of amplitudes where trackers hold FODs in half precision, over every voxel with data and 200 directions.
#include "arcuate/core/directions.hpp"
#include "arcuate/io/nifti.hpp"
#include "tracking/field.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace arcuate;

namespace {

void print(const char* what, std::vector<float>& errors) {
    double squares = 0;
    for (const float e : errors) squares += static_cast<double>(e) * static_cast<double>(e);
    const auto quantile = [&](double q) {
        const auto at = errors.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(errors.size() - 1));
        std::nth_element(errors.begin(), at, errors.end());
        return static_cast<double>(*at);
    };
    std::printf("%-18s median %.2e  rms %.2e  99%% %.2e  largest %.2e\n", what, quantile(0.5), std::sqrt(squares / static_cast<double>(errors.size())), quantile(0.99), quantile(1));
}

template <int Lmax>
void measure(const ScalarImage& fod) {
    namespace k = kernels;
    using Polynomial = k::ShPolynomial<Lmax>;
    const Device device = Device::open("cpu");
    const tracking::FodOnDevice<Lmax> single(fod, device);
    const tracking::FodOnDevice<Lmax, std::uint16_t> half(fod, device);
    const auto directions = repelled_directions(200);
    const std::int64_t rows = tracking::RowsOfVoxels(fod, "the FOD image", device).rows();
    std::vector<float> absolute, relative, of_voxel(directions.size());
    for (std::int64_t row = 1; row < rows; ++row) {
        const k::Cell cell{{static_cast<std::int32_t>(row)}, {1}};
        float a[Polynomial::stride], b[Polynomial::stride], peak = 0;
        single.view().interpolate(cell, a);
        half.view().interpolate(cell, b);
        for (std::size_t i = 0; i < directions.size(); ++i) {
            const k::Vec3 d = to_kernel(directions[i]);
            const float f = Polynomial::value(a, d.x, d.y, d.z);
            of_voxel[i] = std::abs(Polynomial::value(b, d.x, d.y, d.z) - f);
            peak = std::max(peak, f);
        }
        for (const float e : of_voxel) {
            absolute.push_back(e);
            if (peak > 0) relative.push_back(e / peak);
        }
    }
    print("amplitude", absolute);
    print("over voxel's peak", relative);
    std::printf("%lld voxels; bytes per voxel %zu, %zu\n", static_cast<long long>(rows - 1), sizeof(float) * Polynomial::stride, sizeof(std::uint16_t) * Polynomial::stride);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return std::fprintf(stderr, "fod_precision FOD.nii.gz\n"), 1;
    const auto fod = io::read_image(argv[1]);
    if (tracking::lmax_of_fod(fod) <= 8) measure<8>(fod);
    else measure<12>(fod);
}
