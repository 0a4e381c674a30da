// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Code that is no template and no short function stands in a .ipp file beside the header that declares it, with
/// PEFT_INLINE in front. Headers include theirs at the end, so that the library needs nothing but its headers. A
/// program that defines PEFT_SEPARATE in all its units compiles that code once instead, in a unit of its own that
/// includes <peft/source.hpp>; the build's targets do that for it.
#ifdef PEFT_SEPARATE
#define PEFT_INLINE
#else
#define PEFT_INLINE inline
#endif
