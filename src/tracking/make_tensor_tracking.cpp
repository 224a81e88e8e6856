#include "kernels/tensor_tracking.hpp"

#include "arcuate/core/error.hpp"
#include "tracking/tracker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::tracking {

namespace {

struct Images {
    RowsOnDevice signal;
    Buffer<float> residual;   ///< empty: deterministic
    Buffer<float> to_tensor;
    int stride;
    TrackOptions options;

    kernels::TensorTracking view(const kernels::TrackRules&) const {
        const float cosine = kernels::cos(radians(options.angle));
        return {{signal.grid(), signal.values(), residual.data(), to_tensor.data(), stride, static_cast<float>(options.cutoff), static_cast<float>(options.seed_cutoff),
                 options.rk4 ? 0.0f : cosine},
                static_cast<float>(options.step),
                options.rk4,
                cosine};
    }
    int calibration_arcs() const { return 0; }
};

/// The power of two that brings the largest signal into [1/2, 1): it changes no digit.
float scale_of(const ScalarImage& signal) {
    float largest = 0;
    for (const float s : signal.data) largest = std::max(largest, s);
    float scale = 1;
    while (largest * scale >= 1) scale *= 0.5f;
    while (largest > 0 && largest * scale < 0.5f) scale *= 2;
    return scale;
}

}  // namespace

std::unique_ptr<Tracker> make_tensor_tracking(const TrackInput& input, const TrackOptions& o, const Device& device) {
    const auto volumes = input.field.volumes;
    if (!input.tensor) throw InputError("tensor tracking walks on the diffusion-weighted signal (its gradient table is missing); give --bval and --bvec");
    if (input.tensor->volumes != volumes)
        throw InputError(fmt::format("the gradient table has {} volumes but the image {}; give those that belong together", input.tensor->volumes, volumes));
    const int stride = static_cast<int>((volumes + 7) / 8 * 8);
    std::vector<float> inverse(static_cast<std::size_t>(7 * stride)), design(inverse.size());
    for (std::int64_t v = 0; v < volumes; ++v)
        for (int k = 0; k < 7; ++k) {
            const auto at = static_cast<std::size_t>(k * stride + v);
            inverse[at] = static_cast<float>(input.tensor->inverse[static_cast<std::size_t>(k * volumes + v)]);
            design[at] = static_cast<float>(input.tensor->design[static_cast<std::size_t>(v * 7 + k)]);
        }
    Images images{RowsOnDevice(input.field, stride, scale_of(input.field), "the diffusion-weighted image", device), {}, Buffer<float>(device, inverse), stride, o};
    if (o.algorithm == Algorithm::tensor_prob) {
        const auto rows = images.signal.rows();
        images.residual = Buffer<float>::zeros(device, static_cast<std::size_t>(rows * stride));
        const Buffer<float> model(device, design);
        launch(device, rows - 1,
               kernels::SplitSignal{images.to_tensor.data(), model.data(), static_cast<int>(volumes), stride, images.signal.values() + stride,
                                    images.residual.data() + stride});
    }
    return kernel_tracker(std::move(images), input, o, device);
}

}  // namespace arcuate::tracking
