// What goes wrong is said once, in one sentence: what is wrong, why, and what to do about it.
// The library throws and never prints; the command line turns an Error into one line and exit code 1.
#pragma once

#include <stdexcept>
#include <string>

namespace arcuate {

/// Base of everything that Arcuate throws on purpose.
/// The text has the shape `<what is wrong> (<why>); <what to do>`, without a capital or a final stop.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The user's files or options are at fault: missing, truncated, of the wrong shape or frame, contradictory.
class InputError : public Error {
  public:
    using Error::Error;
};

/// An output cannot be written: no permission, no space, exists already.
class OutputError : public Error {
  public:
    using Error::Error;
};

/// The compute device is missing, too small, or reported a fault.
class DeviceError : public Error {
  public:
    using Error::Error;
};

}  // namespace arcuate
