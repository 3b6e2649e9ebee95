/* Names in lower case, and how packets' bytes are compared with them. */
#ifndef REFERENCE_NAMES_H
#define REFERENCE_NAMES_H

#include "packet.h"

enum { LONGEST = 32 };
struct name {
  __u32 length;
  char text[LONGEST];
};
#define NAME(literal) \
  { sizeof(literal) - 1, literal }

inline_always __u8 lower(__u8 byte) {
  return byte - 'A' < 26u ? byte + 32 : byte;
}

/* Are the bytes at `at` this one of the table `names`, which the filter has? Global: verified once. */
#define DEFINE_IS_NAME(function, names)                                               \
  __attribute__((noinline)) int function(context* ctx, __u32 at, __u32 which) {       \
    __u8 *data_end = (void*)(long)ctx->data_end, *text = (void*)(long)ctx->data;      \
    if (at > FARTHEST || which >= sizeof(names) / sizeof(*names)) return 0;           \
    text += at;                                                                       \
    const struct name* name = &names[which];                                          \
    for (__u32 i = 0; i < LONGEST; ++i) {                                             \
      if (i >= name->length) return 1;                                                \
      if (text + i + 1 > data_end || lower(text[i]) != (__u8)name->text[i]) return 0; \
    }                                                                                 \
    return 1;                                                                         \
  }

#endif
