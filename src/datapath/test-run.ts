// What a test run of the kernel is told beside the frame: where it seems to come in, and as what.

const xdpContextBytes = 24
const skbContextBytes = 192

/** struct xdp_md: the frame's end, and the device. */
export function xdpContext(ifindex: number, frameBytes: number): Uint8Array {
  const context = new Uint8Array(xdpContextBytes)
  const view = new DataView(context.buffer)
  view.setUint32(4, frameBytes, true)
  view.setUint32(12, ifindex, true)
  return context
}

/** For another frame of the same device. */
export function setFrameBytes(xdp: Uint8Array, frameBytes: number): void {
  new DataView(xdp.buffer, xdp.byteOffset).setUint32(4, frameBytes, true)
}

export interface SkbOptions {
  /** firewall mark */
  readonly mark?: number
  /** of a super-packet */
  readonly segments?: number
  readonly segmentPayload?: number
}

/** struct __sk_buff: the mark, the devices, and what a super-packet is made of. */
export function skbContext(ifindex: number, options: SkbOptions = {}): Uint8Array {
  const context = new Uint8Array(skbContextBytes)
  const view = new DataView(context.buffer)
  view.setUint32(8, options.mark ?? 0, true)
  view.setUint32(36, ifindex, true)
  view.setUint32(40, ifindex, true)
  view.setUint32(164, options.segments ?? 0, true)
  view.setUint32(176, options.segmentPayload ?? 0, true)
  return context
}
