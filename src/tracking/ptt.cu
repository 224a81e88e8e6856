// Parallel transport and the discretised FOD, for CUDA; apart from the others because each of these files compiles for minutes.
#include "backend/launch_cuda.cuh"
#include "kernels/discrete_fod.hpp"
#include "kernels/ptt.hpp"
#include "kernels/track_streamline.hpp"

namespace k = arcuate::kernels;
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ptt<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ptt<12>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::DiscreteFod<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::DiscreteFod<12>>);
