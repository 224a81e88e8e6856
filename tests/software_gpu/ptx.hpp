// PTX, as nvcc embeds it, read into instructions that a warp can execute (warp.hpp). The part of the language that Arcuate's kernels are compiled to: no shared memory, no
// textures, no indirect calls, no approximate functions. What is not known is an error that names the instruction. After NVIDIA's "Parallel Thread Execution ISA".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace arcuate::software_gpu {

class Warp;
struct Function;

inline constexpr int warp_lanes = 32;

/// What an instruction does to the way through the code, beyond what `run` does to registers and memory.
enum class Flow : std::uint8_t { next, branch, call, leave, exchange, wait };

/// Where an address starts: in a register, in the executing function's memory of each lane, in the kernel's parameters.
enum class Base : std::uint8_t { none, reg, local, parameters };

struct Instruction {
    void (*run)(Warp&, const Instruction&) = nullptr;
    Flow flow = Flow::next;
    Base base = Base::none;
    bool guarded = false, negated = false;  ///< executed by the lanes where the predicate `guard` is set, or is not
    std::int8_t count = 1;                  ///< registers in `data`
    std::int8_t width[2] = {0, 0};          ///< bytes of the register read (or of those loaded and stored), and of the one written
    std::int32_t guard = 0;
    std::int32_t d = 0, d2 = 0, a = 0, b = 0, c = 0, e = 0;  ///< operands: bytes into the frame's registers, or, as ~bytes, into the function's constants
    std::int32_t data[4] = {0, 0, 0, 0};                     ///< registers of a vector
    std::int64_t offset = 0;                                 ///< added to addresses; where a branch goes
    std::int32_t call = 0;                                   ///< of Function::calls
    std::int32_t mask = 0;                                   ///< the last operand: of shuffles, votes and waits the threads that take part
    std::int32_t line = 0;                                   ///< in the module's text
};

/// A parameter or a result: its place in the memory of a function's lanes (of a kernel: in the parameters of the launch).
struct Variable {
    std::int64_t at = 0, bytes = 0;
};

struct Call {
    const Function* function = nullptr;
    std::vector<Variable> arguments, results;  ///< of the caller
    std::int64_t back = 0;                     ///< the caller's next instruction
};

struct Function {
    std::string name;
    bool kernel = false;
    std::vector<Instruction> code;
    std::vector<std::byte> constants;  ///< a value for each of 32 lanes
    std::vector<Variable> parameters, results;
    std::vector<Call> calls;
    std::int64_t register_bytes = 0, local_bytes = 0, parameter_bytes = 0;
};

/// The functions of one module's text, each read when it is first asked for. Not safe to share between threads.
class Module {
  public:
    explicit Module(std::string text);
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;
    ~Module();

    bool has(const std::string& name) const { return sources_.contains(name); }
    /// Throws std::runtime_error for an instruction that is not known here.
    const Function& function(const std::string& name);

  private:
    struct Source {
        std::string_view head, body;
        bool kernel = false;
        std::int32_t line = 0;
    };
    std::string text_;
    std::map<std::string, Source> sources_;
    std::map<std::string, std::unique_ptr<Function>> functions_;
};

/// Chooses `run` and `flow` for an opcode ("fma.rn.f32"), with the bytes of its sources' elements (a, b, c), which constants need. False: not known.
struct Meaning {
    void (*run)(Warp&, const Instruction&) = nullptr;
    Flow flow = Flow::next;
    std::int8_t source_bytes[3] = {4, 4, 4};
};
bool meaning_of(const std::vector<std::string_view>& parts, Meaning& meaning);

}  // namespace arcuate::software_gpu
