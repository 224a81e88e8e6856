// The trackers that look at one point of an FOD per step, for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/ifod1.hpp"
#include "kernels/sd_stream.hpp"
#include "kernels/track_streamline.hpp"

namespace k = arcuate::kernels;
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod1<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod1<12>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::SdStream<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::SdStream<12>>);
