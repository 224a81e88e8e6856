// The trackers that look at one point of an FOD per step, for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/ifod1.hpp"
#include "kernels/sd_stream.hpp"
#include "kernels/track_streamline.hpp"

namespace k = arcuate::kernels;
// A third block is worth the register or two that sm_90 spills for it; sm_80 spills none.
ARCUATE_CUDA_LEAST_BLOCKS(3, k::TrackStreamline<k::Ifod1<8>>);
ARCUATE_CUDA_LEAST_BLOCKS(3, k::TrackStreamline<k::SdStream<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod1<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod1<12>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::SdStream<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::SdStream<12>>);
