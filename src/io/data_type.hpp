// The types of TRX's arrays: their names in file names, their sizes, and their values as doubles. Little-endian, as TRX is.
#pragma once

#include "arcuate/core/tractogram.hpp"
#include "arcuate/half.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

static_assert(std::endian::native == std::endian::little, "files are read and written little-endian");

namespace arcuate::io {

/// In the order of DataType.
inline constexpr std::array<std::string_view, 11> data_type_names{"float16", "float32", "float64", "int8",   "int16", "int32",
                                                                  "int64",   "uint8",   "uint16",  "uint32", "uint64"};

inline std::string_view name_of(DataType type) { return data_type_names[static_cast<std::size_t>(type)]; }

inline std::optional<DataType> data_type_named(std::string_view name) {
    for (std::size_t i = 0; i < data_type_names.size(); ++i)
        if (data_type_names[i] == name) return static_cast<DataType>(i);
    return std::nullopt;
}

/// Calls `use` with a value of the C++ type that stands for `type`; float16 is the caller's own business.
template <class Use>
decltype(auto) with_type(DataType type, Use use) {
    switch (type) {
        case DataType::float64: return use(double{});
        case DataType::int8: return use(std::int8_t{});
        case DataType::int16: return use(std::int16_t{});
        case DataType::int32: return use(std::int32_t{});
        case DataType::int64: return use(std::int64_t{});
        case DataType::uint8: return use(std::uint8_t{});
        case DataType::uint16: return use(std::uint16_t{});
        case DataType::uint32: return use(std::uint32_t{});
        case DataType::uint64: return use(std::uint64_t{});
        default: return use(float{});
    }
}

inline std::size_t size_of(DataType type) {
    if (type == DataType::float16) return 2;
    return with_type(type, [](auto zero) { return sizeof zero; });
}

/// Value `i` of an array in a file.
inline double decode(DataType type, const char* bytes, std::size_t i) {
    if (type == DataType::float16) {
        std::uint16_t half;
        std::memcpy(&half, bytes + 2 * i, 2);
        return half_to_float(half);
    }
    return with_type(type, [&](auto value) {
        std::memcpy(&value, bytes + i * sizeof value, sizeof value);
        return static_cast<double>(value);
    });
}

/// Appends the value to `bytes`; false where the type cannot hold it (out of range, or a fraction in an integer).
inline bool encode(DataType type, double value, std::string& bytes) {
    if (type == DataType::float16) {
        const std::uint16_t half = float_to_half(static_cast<float>(value));
        bytes.append(reinterpret_cast<const char*>(&half), 2);
        return (half & 0x7c00u) != 0x7c00u || !std::isfinite(value);
    }
    return with_type(type, [&](auto stored) {
        using T = decltype(stored);
        if constexpr (std::is_integral_v<T>) {
            // The upper bound is 2^digits, which a double holds exactly.
            const double upper = std::ldexp(1.0, std::numeric_limits<T>::digits);
            if (!(value >= static_cast<double>(std::numeric_limits<T>::min()) && value < upper) || value != std::floor(value)) return false;
        } else if (sizeof(T) == sizeof(float) && std::isfinite(value) && std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
            return false;
        }
        stored = static_cast<T>(value);
        bytes.append(reinterpret_cast<const char*>(&stored), sizeof stored);
        return true;
    });
}

}  // namespace arcuate::io
