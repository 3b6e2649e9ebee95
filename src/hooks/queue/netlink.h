// The messages of nfnetlink_queue, built in place. libmnl knows netlink's headers and attributes; which of them a queue
// understands stands in linux/netfilter/nfnetlink_queue.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sys/socket.h>

namespace perilune::hooks::queue {

/// Begins a message of NFQNL_MSG_* for a queue at `place`, which has room for all that follows.
inline nlmsghdr* put_message(void* place, int type, uint16_t queue) {
  nlmsghdr* message = mnl_nlmsg_put_header(place);
  message->nlmsg_type = static_cast<uint16_t>((NFNL_SUBSYS_QUEUE << 8) | type);
  message->nlmsg_flags = NLM_F_REQUEST;
  auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  family->nfgen_family = AF_UNSPEC;
  family->version = NFNETLINK_V0;
  family->res_id = htons(queue);
  return message;
}

/// NF_ACCEPT, NF_DROP or NF_REPEAT for a packet, or in a batch for it and all before it.
inline void put_verdict(nlmsghdr* message, uint32_t id, uint32_t verdict) {
  const nfqnl_msg_verdict_hdr header{htonl(verdict), htonl(id)};
  mnl_attr_put(message, NFQA_VERDICT_HDR, sizeof header, &header);
}

inline void put_be32(nlmsghdr* message, uint16_t attribute, uint32_t value) {
  mnl_attr_put_u32(message, attribute, htonl(value));
}

inline void put_bytes(nlmsghdr* message, uint16_t attribute, std::span<const uint8_t> bytes) {
  mnl_attr_put(message, attribute, bytes.size(), bytes.data());
}

inline void put_command(nlmsghdr* message, uint8_t command) {
  const nfqnl_msg_config_cmd body{command, 0, htons(AF_UNSPEC)};
  mnl_attr_put(message, NFQA_CFG_CMD, sizeof body, &body);
}

/// How much of each packet is handed over.
inline void put_copy_range(nlmsghdr* message, uint32_t bytes) {
  nfqnl_msg_config_params body{};
  body.copy_range = htonl(bytes);
  body.copy_mode = NFQNL_COPY_PACKET;
  mnl_attr_put(message, NFQA_CFG_PARAMS, sizeof body, &body);
}

using Attributes = std::array<const nlattr*, NFQA_MAX + 1>;

/// The attributes of a message by their number; null where there is none.
inline Attributes attributes_of(const nlmsghdr* message) {
  Attributes attributes{};
  const auto keep = [](const nlattr* attribute, void* data) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type <= NFQA_MAX) (*static_cast<Attributes*>(data))[type] = attribute;
    return MNL_CB_OK;
  };
  mnl_attr_parse(message, sizeof(nfgenmsg), keep, &attributes);
  return attributes;
}

}  // namespace perilune::hooks::queue
