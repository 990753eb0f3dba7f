// `interfaces`: the network devices whose packets are looked at.

import { Type } from 'typebox'
import { section } from '../section.ts'
import { reportDuplicates } from '../duplicates.ts'
import type { Static } from 'typebox'

const hooks = ['auto', 'xdp', 'xdp-generic', 'tc'] as const

const interfaceSchema = Type.Object(
  {
    name: Type.String({
      description: 'Name of a network device, as `ip link` prints it.',
      pattern: '^(?!\\.{1,2}$)[^\\s/:]{1,15}$',
      patternErrorMessage: 'must be the name of a network device: 1 to 15 characters without spaces, slashes or colons',
    }),
    hook: Type.Enum([...hooks], {
      description:
        'Where the program runs: `xdp` in the driver (fastest), `xdp-generic` after the driver, `tc` behind the ' +
        'socket buffer (keeps checksum and segmentation offload; best on veth and bridges), `auto` chooses by driver.',
      default: 'auto',
    }),
  },
  { additionalProperties: false },
)

export type InterfaceConfig = Readonly<Static<typeof interfaceSchema>>

export const interfaces = section({
  schema: Type.Array(interfaceSchema, {
    description: 'Network devices that packets for services, and the answers of endpoints, come in by.',
    minItems: 1,
    maxItems: 1024,
  }),
  applies: 'restart',
  check(value, report) {
    reportDuplicates(
      value,
      (item) => item?.name,
      (index, first, name) =>
        report([index, 'name'], `"${name}" is listed twice, first as interfaces[${first}]: remove one of them`),
    )
  },
  resolve: (value): readonly InterfaceConfig[] => value,
})
