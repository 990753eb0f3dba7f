// Public captures whose replay is kept here, by name and content. They are of others, and not part of this repository:
// docs/replay.md says where they come from. All are replayed with core.yaml, in which their servers are one VIP.

export interface KnownCapture {
  readonly file: string
  /** the first 16 hexadecimal digits of its SHA-256 */
  readonly digest: string
  /** addresses of the capture that clients have sent to, now those of the VIP */
  readonly servers: readonly string[]
  /** It was made on the sender, before its device has filled in the checksums. */
  readonly isOffloaded?: true
}

export const vip = '10.99.0.1'

export const captures: readonly KnownCapture[] = [
  {
    file: 'telekom-free5gc.pcap',
    digest: '89f4c3aa4276bd89',
    servers: ['10.200.200.101', '10.200.200.102'],
    isOffloaded: true,
  },
  { file: '5greplay-oai.pcap', digest: 'f016f2251430960b', servers: ['192.168.70.134'], isOffloaded: true },
  { file: 'zeek-gtp-gtp_create_pdp_ctx.pcap', digest: '10324f15506c2736', servers: ['10.100.200.33'] },
  { file: 'zeek-gtp-gtp_control_prime.pcap', digest: '7a80e2331befbfe9', servers: ['127.0.0.1'] },
  { file: 'zeek-gtp-pdp_ctx_messages.pcapng', digest: '287dfc93e3d18c74', servers: ['10.100.200.33', '127.0.0.1'] },
  { file: 'telekom-n3_example.pcap', digest: '82a8f9bf36c10abf', servers: ['10.200.11.70'] },
  { file: 'telekom-n3_example_2.pcap', digest: 'e2483af31f1b9b54', servers: ['10.200.11.70'] },
  { file: 'telekom-n6_example.pcap', digest: 'cbf404066bca7640', servers: ['172.16.11.2'] },
  { file: 'telekom-n6_example_2.pcap', digest: '49683b1ece2f770a', servers: ['172.16.11.2'] },
  { file: 'zeek-gtp-gtp10_not_0xff.pcap', digest: '34c99bc77f398902', servers: ['247.56.43.248', '237.56.101.238'] },
  { file: 'zeek-gtp-gtp1_gn_normal_incl_fragmentation.pcap', digest: 'b5749b5f03cb5e3c', servers: ['239.114.155.111'] },
  { file: 'zeek-gtp-gtp2_different_udp_port.pcap', digest: 'a1b3ee474cd3d5c9', servers: ['167.55.105.244'] },
  { file: 'zeek-gtp-gtp3_false_gtp.pcap', digest: '788042165250742d', servers: ['195.178.38.3'] },
  { file: 'zeek-gtp-gtp4_udp_2152_inside.pcap', digest: '3d3d19099560d8a8', servers: ['84.249.173.85'] },
  { file: 'zeek-gtp-gtp6_gtp_0x32.pcap', digest: '9e4fb76874e4d014', servers: ['243.149.173.198'] },
  { file: 'zeek-gtp-gtp7_ipv6.pcap', digest: 'a893f783e5575417', servers: ['118.92.124.72'] },
  { file: 'zeek-gtp-gtp8_teredo.pcap', digest: '181aa89cad9fd70f', servers: ['190.104.181.62', '190.104.181.57'] },
  { file: 'zeek-gtp-gtp9_unknown_or_too_short_payload.pcap', digest: '2a5cb68eb7d9b39b', servers: ['213.72.147.186'] },
  { file: 'zeek-gtp-gtp_ext_header.pcap', digest: 'a079b869288b7d40', servers: ['10.155.148.157'] },
]
