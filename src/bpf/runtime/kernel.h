/* What the runtime needs of the kernel's interface, and no more: written out here, so that building does not depend on
 * how new the system's headers are. Reference: include/uapi/linux/bpf.h.
 */
#ifndef PERILUNE_BPF_RUNTIME_KERNEL_H
#define PERILUNE_BPF_RUNTIME_KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;

#define PL_INLINE static inline __attribute__((always_inline))
/* Its own function, verified once. Weak: else the compiler leaves out arguments that the function does not use, and the
 * verifier misses them. */
#define PL_GLOBAL __attribute__((noinline, weak))
#define PL_ENTRY __attribute__((section("entry"), used))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The compiler forgets what it knows of a number, so that a check in front of its use is not optimised away. */
#define opaque(x) asm volatile("" : "+r"(x))

PL_INLINE u16 swap16(u16 x) {
  return __builtin_bswap16(x);
}
PL_INLINE u32 swap32(u32 x) {
  return __builtin_bswap32(x);
}

enum { XDP_DROP = 1, XDP_PASS = 2, XDP_TX = 3 };
enum { TCX_NEXT = -1, TCX_PASS = 0, TCX_DROP = 2 };
enum { NF_DROP = 0, NF_ACCEPT = 1 };

struct xdp_md {
  u32 data;
  u32 data_end;
  u32 data_meta;
  u32 ingress_ifindex;
  u32 rx_queue_index;
  u32 egress_ifindex;
};

struct __sk_buff {
  u32 len;
  u32 pkt_type;
  u32 mark;
  u32 queue_mapping;
  u32 protocol;
  u32 vlan_present;
  u32 vlan_tci;
  u32 vlan_proto;
  u32 priority;
  u32 ingress_ifindex;
  u32 ifindex;
  u32 tc_index;
  u32 cb[5];
  u32 hash;
  u32 tc_classid;
  u32 data;
  u32 data_end;
  u32 napi_id;
  u32 family;
  u32 remote_ip4;
  u32 local_ip4;
  u32 remote_ip6[4];
  u32 local_ip6[4];
  u32 remote_port;
  u32 local_port;
  u32 data_meta;
  u64 flow_keys;
  u64 tstamp;
  u32 wire_len;
  u32 gso_segs;
  u64 sk;
  u32 gso_size;
};

struct nf_hook_state;
struct sk_buff;
struct bpf_nf_ctx {
  const struct nf_hook_state* state;
  struct sk_buff* skb;
};

struct bpf_dynptr {
  u64 opaque[2];
} __attribute__((aligned(8)));

/* Fields of the kernel's own structures, by offsets that its type information gives. */
#define U16_FIELD(structure, offset) (*(u16*)((u8*)(structure) + (offset)))
#define U32_FIELD(structure, offset) (*(u32*)((u8*)(structure) + (offset)))
#define POINTER_FIELD(structure, offset) (*(void**)((u8*)(structure) + (offset)))

extern void* bpf_cast_to_kern_ctx(void* ctx);
extern void* bpf_rdonly_cast(const void* from, u32 type);

/* Helpers, by number. Lengths are 64 bits wide, though helpers look at 32: Linux 6.1 loses the bounds of a value that
 * is computed with 32 bits. */
static u32 (*const get_smp_processor_id)(void) = (void*)8;
static long (*const skb_store_bytes)(struct __sk_buff* skb, u32 offset, const void* from, u64 len,
                                     u64 flags) = (void*)9;
static long (*const l3_csum_replace)(struct __sk_buff* skb, u32 offset, u64 from, u64 to, u64 size) = (void*)10;
static long (*const l4_csum_replace)(struct __sk_buff* skb, u32 offset, u64 from, u64 to, u64 flags) = (void*)11;
static long (*const tail_call)(void* ctx, void* prog_array, u32 index) = (void*)12;
static long (*const skb_change_tail)(struct __sk_buff* skb, u32 length, u64 flags) = (void*)38;
static long (*const xdp_adjust_head)(struct xdp_md* ctx, int delta) = (void*)44;
static long (*const xdp_adjust_tail)(struct xdp_md* ctx, int delta) = (void*)65;
static long (*const redirect)(u32 ifindex, u64 flags) = (void*)23;
static long (*const skb_load_bytes)(const void* skb, u32 offset, void* to, u64 len) = (void*)26;
static long (*const ringbuf_output)(void* ringbuf, void* data, u64 size, u64 flags) = (void*)130;
static u64 (*const xdp_get_buff_len)(struct xdp_md* ctx) = (void*)188;
static long (*const xdp_load_bytes)(struct xdp_md* ctx, u32 offset, void* to, u64 len) = (void*)189;
static long (*const xdp_store_bytes)(struct xdp_md* ctx, u32 offset, void* from, u64 len) = (void*)190;
static long (*const check_mtu)(void* ctx, u32 ifindex, u32* length, int change, u64 flags) = (void*)163;
static long (*const loop)(u32 iterations, void* callback, void* callback_ctx, u64 flags) = (void*)181;
static u64 (*const ktime_get_tai_ns)(void) = (void*)208;
static long (*const dynptr_read)(void* to, u64 len, const struct bpf_dynptr* from, u32 offset, u64 flags) = (void*)201;

#endif
