// Services whose messages end here: no packet of theirs is translated, so the fast path only has to let them in.

import type { Change, Service } from './model.ts'

export const isProxied = ({ mode }: Pick<Service, 'mode'>): boolean => mode === 'proxy'

/** Of some services only: one that becomes or stops being one of them is added or removed. */
export const changesOf = (changes: readonly Change[], isOne: (service: Service) => boolean): readonly Change[] =>
  changes.flatMap((change): readonly Change[] => {
    if (change.kind !== 'update') return isOne(change.service) ? [change] : []
    const { from, to } = change
    if (isOne(from)) return [isOne(to) ? change : { kind: 'remove', service: from }]
    return isOne(to) ? [{ kind: 'add', service: to }] : []
  })
