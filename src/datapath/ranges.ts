// A range of ports as prefixes, the way a longest-prefix map wants it: each prefix is a power of two of ports that
// begins at a multiple of itself.

export interface PortPrefix {
  readonly port: number
  /** of the 16 that a port has */
  readonly bits: number
}

const portBits = 16

/** The fewest prefixes that are exactly these ports: at most 30. */
export const portPrefixes = (first: number, last: number): readonly PortPrefix[] => {
  const prefixes: PortPrefix[] = []
  for (let port = first; port <= last;) {
    let bits = portBits
    // Twice as many ports, as long as they begin here and end within the range.
    while (bits > 0 && (port & (2 ** (portBits - bits + 1) - 1)) === 0 && port + 2 ** (portBits - bits + 1) - 1 <= last)
      bits--
    prefixes.push({ port, bits })
    port += 2 ** (portBits - bits)
  }
  return prefixes
}
