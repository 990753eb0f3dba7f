import test from 'ava'

import { problemsOf, type N4Summary } from './n4-summary.ts'

const summary: Omit<N4Summary, 'problems'> = {
  sessions: 600,
  steered: 5000,
  misrouted: 0,
  lost: 0,
  endpoints: [{ address: '10.2.1.2', sessions: 200, packets: 900, counted: 900 }],
  establishMs: 10,
  failover: { restoreMs: 900, lost: 70, steered: 800 },
}
const expected = { wanted: 600, steeredAfter: 2500, counted: { before: 2600, after: 5200 }, peers: [] }

test('lab n4: packets that are lost while a UPF is dead are no problem', (t) => {
  t.deepEqual(problemsOf(summary, expected), [])
})

test('lab n4: each of what went wrong is a problem, so that the exit code says it', (t) => {
  const [endpoint] = summary.endpoints
  const cases: readonly (readonly [Partial<typeof summary>, Partial<typeof expected> | { peers: object[] }, string])[] =
    [
      [{ misrouted: 3 }, {}, '3 packets came to a UPF or a session that they were not for'],
      [{ lost: 1 }, {}, '1 packets did not come back, though their UPFs lived'],
      [{ sessions: 599 }, {}, '599 sessions are up, and 600 were asked for'],
      [{ endpoints: [{ ...endpoint!, counted: 899 }] }, {}, 'eBPF counted 899 packets to 10.2.1.2, which got 900'],
      [
        {},
        { counted: { before: 2600, after: 5099 } },
        'eBPF counted 5099 packets, and before a UPF was killed 2600 of them',
      ],
      [{}, { peers: [{ what: 'cause 64' }] }, '{"what":"cause 64"}'],
    ]
  for (const [seen, wanted, problem] of cases)
    t.deepEqual(problemsOf({ ...summary, ...seen }, { ...expected, ...wanted }), [problem])
})
