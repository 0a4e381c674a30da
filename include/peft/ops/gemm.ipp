// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/ops/few_rows.hpp>
#include <peft/ops/gemm.hpp>

// The products of the host come from a library, called single threaded by each worker.
#if defined(PEFT_GEMM_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#elif defined(PEFT_GEMM_BLAS)
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}
#endif
#if !defined(EIGEN_DONT_PARALLELIZE)
#define EIGEN_DONT_PARALLELIZE
#endif
#if defined(__CUDACC__) && !defined(EIGEN_NO_CUDA)
#define EIGEN_NO_CUDA
#endif
#include <Eigen/Core>

namespace peft::ops {

/// Memory of this thread for packed blocks, at least n elements; a later call voids it.
template <class T>
T* packing_buffer(std::size_t n) {
  thread_local std::vector<T, Eigen::aligned_allocator<T>> memory;
  if (memory.size() < n) memory.resize(n);
  return memory.data();
}

/// Column-major C (m, n) += alpha A B: Eigen's kernels in blocks of our own. One strip of A, which the kernel reads
/// again for every few columns, fits the first-level cache, and a block of B the second.
template <class T, int order_a, int order_b>
void eigen_product(Eigen::Index m, Eigen::Index n, Eigen::Index k, T alpha, Operand<const T> a, Operand<const T> b,
                   Operand<T> c) {
  using namespace Eigen::internal;
  using Index = Eigen::Index;
  using Traits = gebp_traits<T, T>;
  using MapA = const_blas_data_mapper<T, Index, order_a>;
  using MapB = const_blas_data_mapper<T, Index, order_b>;
  using MapC = blas_data_mapper<T, Index, Eigen::ColMajor, Eigen::Unaligned, 1>;
  constexpr Index strip = Traits::mr, most_depth = 224, most_columns = 512;
  gemm_pack_lhs<T, Index, MapA, Traits::mr, Traits::LhsProgress, typename Traits::LhsPacket4Packing, order_a> pack_a;
  gemm_pack_rhs<T, Index, MapB, Traits::nr, order_b> pack_b;
  gebp_kernel<T, T, Index, MapC, Traits::mr, Traits::nr, false, false> kernel;
  const MapA from_a(a.data, a.stride);
  const MapB from_b(b.data, b.stride);
  const MapC to(c.data, c.stride, 1);
  const Index parts = (k + most_depth - 1) / most_depth, depth = ((k + parts - 1) / parts + 7) / 8 * 8;
  T* const block_a = packing_buffer<T>(static_cast<std::size_t>(depth * (strip + std::min(n, most_columns))));
  T* const block_b = block_a + depth * strip;
  for (Index j = 0; j < n; j += most_columns) {
    const Index columns = std::min(most_columns, n - j);
    for (Index l = 0; l < k; l += depth) {
      const Index deep = std::min(depth, k - l);
      pack_b(block_b, from_b.getSubMapper(l, j), deep, columns);
      for (Index i = 0; i < m; i += strip) {
        const Index rows = std::min(strip, m - i);
        pack_a(block_a, from_a.getSubMapper(i, l), deep, rows);
        kernel(to.getSubMapper(i, j), block_a, block_b, rows, deep, columns, alpha);
      }
    }
  }
}

template <class T>
void gemm_host(Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta, Operand<T> c) {
#if defined(PEFT_GEMM_ONEDNN)
  if constexpr (std::is_same_v<T, float>) {
    if (m > 1 || !a.transposed) {
      const auto status = dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data,
                                     a.stride, b.data, b.stride, beta, c.data, c.stride);
      require(status == dnnl_success, "oneDNN: sgemm(", m, ", ", n, ", ", k, ") failed with status ", int(status));
      return;
    }
  }
#elif defined(PEFT_GEMM_BLAS)
  // Column-major libraries see our row-major matrices transposed: C' = B' A'.
  const int lda = static_cast<int>(a.stride), ldb = static_cast<int>(b.stride), ldc = static_cast<int>(c.stride);
  const char ta = a.transposed ? 'T' : 'N', tb = b.transposed ? 'T' : 'N';
  if constexpr (std::is_same_v<T, float>)
    return sgemm_(&tb, &ta, &n, &m, &k, &alpha, b.data, &ldb, a.data, &lda, &beta, c.data, &ldc);
  else
    return dgemm_(&tb, &ta, &n, &m, &k, &alpha, b.data, &ldb, a.data, &lda, &beta, c.data, &ldc);
#endif
  for (Extent i = 0; i < m; ++i) {
    T* const row = c.data + i * c.stride;
    if (beta == T(0))
      std::fill(row, row + n, T(0));
    else if (beta != T(1))
      for (Extent j = 0; j < n; ++j) row[j] *= beta;
  }
  if (k == 0) return;
  if (m <= few_rows && !a.transposed && b.transposed)
    return few_rows_product(m, n, k, alpha, a.data, a.stride, b.data, b.stride, c.data, c.stride);
  // Not Eigen's expressions: they would only choose among paths for vectors and tiny matrices, and cost every unit
  // seconds to compile. The kernels work on columns, so C' += alpha B' A'.
  if (a.transposed && b.transposed) return eigen_product<T, Eigen::RowMajor, Eigen::RowMajor>(n, m, k, alpha, b, a, c);
  if (a.transposed) return eigen_product<T, Eigen::ColMajor, Eigen::RowMajor>(n, m, k, alpha, b, a, c);
  if (b.transposed) return eigen_product<T, Eigen::RowMajor, Eigen::ColMajor>(n, m, k, alpha, b, a, c);
  eigen_product<T, Eigen::ColMajor, Eigen::ColMajor>(n, m, k, alpha, b, a, c);
}

#ifdef PEFT_SEPARATE
template void gemm_host<float>(Extent, Extent, Extent, float, Operand<const float>, Operand<const float>, float,
                               Operand<float>);
template void gemm_host<double>(Extent, Extent, Extent, double, Operand<const double>, Operand<const double>, double,
                                Operand<double>);
#endif

}  // namespace peft::ops
