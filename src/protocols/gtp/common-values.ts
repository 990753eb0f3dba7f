// Values that both versions of GTP-C have (TS 29.060, 7.7; TS 29.274, 8). Data.

import { choice, unsigned } from '../element-values.ts'
import type { ElementValue } from '../element-values.ts'

const u32 = unsigned(4)

export const ratType = choice({
  1: 'UTRAN',
  2: 'GERAN',
  3: 'WLAN',
  4: 'GAN',
  5: 'HSPA Evolution',
  6: 'EUTRAN',
  7: 'Virtual',
  8: 'EUTRAN-NB-IoT',
  9: 'LTE-M',
  10: 'NR',
})

export const rates: ElementValue = {
  leastBytes: 8,
  show: (bytes, start, end) => ({
    uplinkKbps: u32.show(bytes, start, end),
    downlinkKbps: u32.show(bytes, start + 4, end),
  }),
}
