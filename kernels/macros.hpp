// What makes a function compile for the processor and for CUDA.
#pragma once

#if defined(__CUDACC__)
#define ARCUATE_HD __host__ __device__ inline
#else
#define ARCUATE_HD inline
#endif

/// Instead of ARCUATE_HD for what every sample of every candidate passes: in place wherever it is called, however often that is.
#define ARCUATE_HOT __attribute__((always_inline)) ARCUATE_HD

#if defined(__CUDACC__)
#define ARCUATE_UNROLL _Pragma("unroll")
#elif defined(__clang__)
#define ARCUATE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ARCUATE_UNROLL _Pragma("GCC unroll 64")
#endif

/// Before a loop of many turns and a constant bound: the CUDA compiler would unroll it whole, which takes minutes and gains nothing.
#if defined(__CUDACC__)
#define ARCUATE_ROLLED _Pragma("unroll 1")
#else
#define ARCUATE_ROLLED
#endif

/// Instead of ARCUATE_HD for a large function that is called from several places, none of them hot: the CUDA compiler would inline every call, which
/// takes minutes. Such functions take what they need by value.
#if defined(__CUDACC__)
#define ARCUATE_APART __host__ __device__ inline __noinline__
#else
#define ARCUATE_APART inline
#endif
