/** Abilities of the kernel that make the packet path fast, and that it does without where they are missing. */

/** Their names, as the log has them. */
export const dataplaneFeatures = [
  "tun-tso", // TCP comes from and goes to the TUN device in super-packets (IFF_VNET_HDR)
  "tun-uso", // UDP does, too; needs Linux 6.2
  "udp-gso", // runs of ESP packets are sent as one (UDP_SEGMENT); needs Linux 4.18
  "udp-gro", // and received as one (UDP_GRO); needs Linux 5.0
] as const;

/** A feature. */
export type DataplaneFeature = typeof dataplaneFeatures[number];
