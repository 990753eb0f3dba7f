// What an entry says is done to its packets.

import { flowActionNames } from '../layout.gen.ts'
import type { Flow, FlowAction } from '../layout.gen.ts'

/** FLOW_ACTION_SHIFT of bpf/shared/flow.h; the bits below are flags. */
export const flowActionShift = 5

export const actionOf = (flow: Pick<Flow, 'flags'>): FlowAction =>
  flowActionNames[flow.flags >> flowActionShift] ?? 'nat'

/** Only its addresses and ports change, and perhaps its family: not so where endpoints answer clients themselves. */
export const isTranslated = (flow: Pick<Flow, 'flags'>): boolean => ['nat', 'nat64', 'nat46'].includes(actionOf(flow))
