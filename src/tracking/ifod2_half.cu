// iFOD2 on FODs in half precision, for CUDA.
#include "backend/launch_cuda.cuh"
#include "kernels/ifod2.hpp"
#include "kernels/track_streamline.hpp"

namespace k = arcuate::kernels;
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod2<8, std::uint16_t>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod2<12, std::uint16_t>>);
