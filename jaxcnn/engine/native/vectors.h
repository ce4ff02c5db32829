// A vector of floats, as wide as this processor has them, and its loads and stores.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace jaxcnn {

#if defined(__AVX512F__)
constexpr int V = 16;
#elif defined(__AVX2__)
constexpr int V = 8;
#else
constexpr int V = 4;
#endif

typedef float Vec __attribute__((vector_size(4 * V), may_alias));
typedef float Unaligned __attribute__((vector_size(4 * V), aligned(4), may_alias));

inline Vec load(const float* p) { return *reinterpret_cast<const Unaligned*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Unaligned*>(p) = v; }

// `factor * a + b`, rounded once where the processor can do that. Where a sum has two products, the
// compiler would choose which of them to fuse: this chooses for it.
inline Vec fused(float factor, Vec a, Vec b) {
#if defined(__AVX512F__)
  return (Vec)_mm512_fmadd_ps(_mm512_set1_ps(factor), (__m512)a, (__m512)b);
#elif defined(__AVX2__) && defined(__FMA__)
  return (Vec)_mm256_fmadd_ps(_mm256_set1_ps(factor), (__m256)a, (__m256)b);
#else
  return factor * a + b;
#endif
}

// The first lanes of a vector, for numbers that do not fill one.
struct Lanes {
#if defined(__AVX512F__)
  explicit Lanes(int64_t count) : mask(static_cast<__mmask16>((1u << count) - 1)) {}
  Vec load(const float* p) const { return (Vec)_mm512_maskz_loadu_ps(mask, p); }
  void store(float* p, Vec v) const { _mm512_mask_storeu_ps(p, mask, (__m512)v); }
  __mmask16 mask;
#elif defined(__AVX2__)
  explicit Lanes(int64_t count) {
    alignas(32) int32_t bits[V];
    for (int i = 0; i < V; ++i) bits[i] = i < count ? -1 : 0;
    mask = _mm256_load_si256(reinterpret_cast<const __m256i*>(bits));
  }
  Vec load(const float* p) const { return (Vec)_mm256_maskload_ps(p, mask); }
  void store(float* p, Vec v) const { _mm256_maskstore_ps(p, mask, (__m256)v); }
  __m256i mask;
#else
  explicit Lanes(int64_t count) : count(count) {}
  Vec load(const float* p) const {
    Vec v = {};
    memcpy(&v, p, 4 * count);
    return v;
  }
  void store(float* p, Vec v) const { memcpy(p, &v, 4 * count); }
  int64_t count;
#endif
};

}  // namespace jaxcnn
