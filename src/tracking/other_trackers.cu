// Trackers that do without an FOD, for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/fact.hpp"
#include "kernels/null_distribution.hpp"
#include "kernels/tensor_tracking.hpp"
#include "kernels/track_streamline.hpp"

namespace k = arcuate::kernels;
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::TensorTracking>);
ARCUATE_CUDA_KERNEL(k::SplitSignal);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Fact>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::NullDistribution1>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::NullDistribution2>);
