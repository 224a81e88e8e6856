// NIfTI files put together byte by byte, so that reading is tested against the format and not against our own writer.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace arcuate::test {

/// A value's bytes, in either order.
template <class T>
std::string as_bytes(T value, bool big) {
    std::string out(sizeof value, '\0');
    std::memcpy(out.data(), &value, sizeof value);
    return big == (std::endian::native == std::endian::big) ? out : std::string(out.rbegin(), out.rend());
}

/// A NIfTI-1 header of 352 bytes with the fields at their published offsets; by default 2x1x1 int16 at 1 mm, sform identity.
struct HandMadeNifti {
    bool big = false;
    std::vector<std::int16_t> dim{3, 2, 1, 1, 1, 1, 1, 1};
    std::int16_t datatype = 4, bitpix = 16;
    std::vector<float> pixdim{1, 1, 1, 1, 1, 1, 1, 1};
    float vox_offset = 352, slope = 0, inter = 0;
    std::int16_t qform_code = 0, sform_code = 1;
    std::vector<float> quaternion{0, 0, 0, 0, 0, 0};  ///< b c d, then the offsets x y z
    std::vector<float> rows{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    std::string magic = "n+1";

    std::string header() const {
        std::string h(352, '\0');
        const auto put = [&](std::size_t at, const std::string& bytes) { h.replace(at, bytes.size(), bytes); };
        put(0, as_bytes<std::int32_t>(348, big));
        for (std::size_t i = 0; i < 8; ++i) put(40 + 2 * i, as_bytes(dim[i], big));
        put(70, as_bytes(datatype, big));
        put(72, as_bytes(bitpix, big));
        for (std::size_t i = 0; i < 8; ++i) put(76 + 4 * i, as_bytes(pixdim[i], big));
        put(108, as_bytes(vox_offset, big));
        put(112, as_bytes(slope, big));
        put(116, as_bytes(inter, big));
        put(252, as_bytes(qform_code, big));
        put(254, as_bytes(sform_code, big));
        for (std::size_t i = 0; i < 6; ++i) put(256 + 4 * i, as_bytes(quaternion[i], big));
        for (std::size_t i = 0; i < 12; ++i) put(280 + 4 * i, as_bytes(rows[i], big));
        put(344, magic);
        return h;
    }

    template <class T>
    std::string file(const std::vector<T>& values) const {
        std::string bytes = header();
        bytes.resize(static_cast<std::size_t>(vox_offset), '\0');
        for (const T value : values) bytes += as_bytes(value, big);
        return bytes;
    }
};

}  // namespace arcuate::test
