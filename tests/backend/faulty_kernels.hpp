// For software_gpu_test.cpp: a kernel with a fault, or none.
#pragma once

namespace arcuate::test {

enum class Fault {
    none,
    write_beyond,     ///< one number past the end of its memory
    read_unwritten,   ///< memory that nobody wrote
    misaligned,       ///< a float at an odd address
    host_memory,      ///< of the host
    partner_missing,  ///< a shuffle that half of the named threads never come to
    no_wait,          ///< what one thread wrote, read by another without a wait in between
};

/// Runs 256 threads on the current device. True: nothing went wrong, and every number came out as it should.
bool run_faulty(Fault fault);

}  // namespace arcuate::test
