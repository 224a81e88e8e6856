// iFOD2's kernels for CUDA, and the packing of finished streamlines.
#include "backend/launch_cuda.cuh"
#include "kernels/ifod2.hpp"
#include "kernels/track_streamline.hpp"

namespace k = arcuate::kernels;
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod2<4>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod2<6>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod2<8>>);
ARCUATE_CUDA_KERNEL(k::TrackStreamline<k::Ifod2<12>>);
ARCUATE_CUDA_KERNEL(k::PackStreamlines);
