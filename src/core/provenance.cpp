#include "arcuate/core/provenance.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/progress.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace arcuate {

Progress& silent() {
    static Progress none;
    return none;
}

std::string version() { return ARCUATE_VERSION; }

namespace {

class Sha256 {
  public:
    Sha256() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void add(const void* bytes, std::size_t n) { EVP_DigestUpdate(context_.get(), bytes, n); }
    std::string hex() {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int n = 0;
        EVP_DigestFinal_ex(context_.get(), digest, &n);
        std::string text;
        for (unsigned int i = 0; i < n; ++i) text += fmt::format("{:02x}", digest[i]);
        return text;
    }

  private:
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

}  // namespace

std::string sha256_of(const std::string& bytes) {
    Sha256 hash;
    hash.add(bytes.data(), bytes.size());
    return hash.hex();
}

std::string sha256_of_file(const std::string& path, const std::stop_token& stop) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"), std::fclose};
    if (!file) throw InputError(fmt::format("cannot open {} ({}); check the path", path, std::strerror(errno)));
    Sha256 hash;
    std::vector<char> buffer(1 << 20);
    while (const auto n = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        if (stop.stop_requested()) break;
        hash.add(buffer.data(), n);
    }
    if (std::ferror(file.get())) throw InputError(fmt::format("cannot read {} ({})", path, std::strerror(errno)));
    return hash.hex();
}

}  // namespace arcuate
