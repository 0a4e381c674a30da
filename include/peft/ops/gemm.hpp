// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <peft/core/error.hpp>
#include <peft/core/worker.hpp>
#include <peft/ops/few_rows.hpp>

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

#if defined(PEFT_GEMM_ONEDNN)
inline constexpr const char* gemm_backend = "oneDNN";
#elif defined(PEFT_GEMM_BLAS)
inline constexpr const char* gemm_backend = "BLAS";
#else
inline constexpr const char* gemm_backend = "Eigen";
#endif

/// One operand or result of a product on plain memory: `data`, rows `stride` elements apart, `transposed` when read so.
template <class T>
struct Operand {
  T* data;
  std::ptrdiff_t stride;
  bool transposed = false;
};

/// Memory of this thread for packed blocks, at least n elements; a later call voids it.
template <class T>
T* packing_buffer(std::size_t n) {
  thread_local std::vector<T, Eigen::aligned_allocator<T>> memory;
  if (memory.size() < n) memory.resize(n);
  return memory.data();
}

/// Column-major C (m, n) += alpha A B: Eigen's kernels in blocks of our own. One strip of A, which the kernel reads again for
/// every few columns, fits the first-level cache, and a block of B the second.
template <class T, int order_a, int order_b>
void eigen_product(Eigen::Index m, Eigen::Index n, Eigen::Index k, T alpha, Operand<const T> a, Operand<const T> b, Operand<T> c) {
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

/// C (m, n) = beta C + alpha A B with A (m, k) and B (k, n), row-major, on the host.
template <class T>
void gemm_host(Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta, Operand<T> c) {
#if defined(PEFT_GEMM_ONEDNN)
  if constexpr (std::is_same_v<T, float>) {
    if (m > 1 || !a.transposed) {
      const auto status = dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data, a.stride,
                                     b.data, b.stride, beta, c.data, c.stride);
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
  if (m <= few_rows && !a.transposed && b.transposed) return few_rows_product(m, n, k, alpha, a.data, a.stride, b.data, b.stride, c.data, c.stride);
  // Not Eigen's expressions: they would only choose among paths for vectors and tiny matrices, and cost every unit seconds
  // to compile. The kernels work on columns, so C' += alpha B' A'.
  if (a.transposed && b.transposed) return eigen_product<T, Eigen::RowMajor, Eigen::RowMajor>(n, m, k, alpha, b, a, c);
  if (a.transposed) return eigen_product<T, Eigen::ColMajor, Eigen::RowMajor>(n, m, k, alpha, b, a, c);
  if (b.transposed) return eigen_product<T, Eigen::RowMajor, Eigen::ColMajor>(n, m, k, alpha, b, a, c);
  eigen_product<T, Eigen::ColMajor, Eigen::ColMajor>(n, m, k, alpha, b, a, c);
}

/// The same on a device, one thread per element of C.
template <ExecutionSpace E, class T>
void gemm_device(const E& exec, Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta,
                 Operand<T> c) {
  using Policy = Kokkos::RangePolicy<E, Kokkos::IndexType<std::int64_t>>;
  Kokkos::parallel_for(
      "peft::gemm", Policy(exec, 0, static_cast<std::int64_t>(m) * n), KOKKOS_LAMBDA(std::int64_t ij) {
        const auto i = ij / n, j = ij % n;
        T sum = 0;
        for (Extent l = 0; l < k; ++l)
          sum += (a.transposed ? a.data[l * a.stride + i] : a.data[i * a.stride + l]) *
                 (b.transposed ? b.data[j * b.stride + l] : b.data[l * b.stride + j]);
        T& out = c.data[i * c.stride + j];
        out = (beta == T(0) ? T(0) : beta * out) + alpha * sum;
      });
}

template <ExecutionSpace E, class T>
void gemm(Worker<E>& w, Extent m, Extent n, Extent k, T alpha, Operand<const T> a, Operand<const T> b, T beta,
          Operand<T> c) {
  if (w.planning() || m == 0 || n == 0) return;
  if constexpr (on_host<E>)
    gemm_host<T>(m, n, k, alpha, a, b, beta, c);
  else
    gemm_device<E, T>(w.exec, m, n, k, alpha, a, b, beta, c);
}

template <Matrix V>
Operand<const typename V::non_const_value_type> operand(const V& v) {
  return {v.data(), cols(v), false};
}
template <Matrix V>
Operand<const typename V::non_const_value_type> operand(const Transposed<V>& v) {
  return {v.matrix.data(), cols(v.matrix), true};
}
template <Matrix V>
Extent inner_extent(const V& a) {
  return cols(a);
}
template <Matrix V>
Extent inner_extent(const Transposed<V>& a) {
  return rows(a.matrix);
}
template <Matrix V>
Extent outer_extent(const V& b) {
  return rows(b);
}
template <Matrix V>
Extent outer_extent(const Transposed<V>& b) {
  return cols(b.matrix);
}

/// C (m, n) = beta C + alpha A B; A and B may be `t(...)`.
template <ExecutionSpace E, Matrix C, class A, class B>
void gemm(Worker<E>& w, C c, const A& a, const B& b, double alpha = 1, double beta = 0) {
  using T = typename C::non_const_value_type;
  const Extent k = inner_extent(a);
  require(k == outer_extent(b), "gemm: inner extents differ: ", k, " and ", outer_extent(b));
  gemm<E, T>(w, rows(c), cols(c), k, static_cast<T>(alpha), operand(a), operand(b), static_cast<T>(beta),
             {c.data(), cols(c)});
}

}  // namespace peft::ops
